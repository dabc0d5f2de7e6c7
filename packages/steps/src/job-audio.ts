import { ChunkPlan } from '@mediajob/contract';
import { DocumentError, readJson, readManifest, type Volume, verifyManifest } from '@mediajob/storage';
import { stepError } from './failure.js';
import { DEEP_BELOW_BYTES } from './step-manifest.js';

/** What convert has left for the steps after it. */
export interface JobAudio {
  /** Absolute path of audio.wav. */
  wavPath: string;
  sha256: string;
  plan: ChunkPlan;
  planSha256: string;
}

/**
 * The converted audio of a job and its plan, checked against convert's manifest.
 * @throws StepError InputNotFound when convert has to run (again) first
 */
export async function jobAudio(volume: Volume, jobId: string): Promise<JobAudio> {
  const { layout } = volume;
  const manifest = await readManifest(volume, layout.stepManifest(jobId, 'convert')).catch((error: unknown) => {
    if (error instanceof DocumentError) return undefined;
    throw error;
  });
  const audio = manifest?.manifest.files.find((file) => file.path === layout.audio(jobId));
  const plan = manifest?.manifest.files.find((file) => file.path === layout.plan(jobId));
  if (manifest === undefined || audio === undefined || plan === undefined) {
    throw stepError(
      'InputNotFound',
      'The audio of this job has not been converted, or is gone. Retry the job: it is converted again.',
    );
  }
  const verified = await verifyManifest(volume, manifest.manifest, { deep: DEEP_BELOW_BYTES });
  if (!verified.ok) {
    throw stepError(
      'InputNotFound',
      `${verified.path} is not as it was converted: ${verified.why}. Retry the job: it is converted again.`,
    );
  }
  return {
    wavPath: await volume.resolveExisting(audio.path),
    sha256: audio.sha256,
    plan: await readJson(await volume.resolveExisting(plan.path), ChunkPlan),
    planSha256: plan.sha256,
  };
}
