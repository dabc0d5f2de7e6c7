import type { StageName, VolumePath } from '@mediajob/contract';
import { UnsafePathError } from './errors.js';

/** Directories at the root of the media volume. */
export const TOP_DIRECTORIES = ['uploads', 'inbox', 'jobs', 'outputs', 'logs'] as const;

/** Ids are checked at the border; this is the second lock: an id is one segment of a path and nothing else. */
function segment(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (name === '' || name === '.' || name === '..' || /[/\\\u0000-\u001f\u007f]/.test(name)) {
    throw new UnsafePathError(`${JSON.stringify(name)} is not a plain name.`);
  }
  return name;
}

/** Where everything is on the volume (DESIGN §6). Pure: each function gives a path relative to the volume's root. */
export const layout = {
  upload: (uploadId: string): VolumePath => `uploads/${segment(uploadId)}`,
  uploadSource: (uploadId: string): VolumePath => `${layout.upload(uploadId)}/source`,
  uploadInfo: (uploadId: string): VolumePath => `${layout.upload(uploadId)}/upload.json`,

  job: (jobId: string): VolumePath => `jobs/${segment(jobId)}`,
  /** The MediaJob itself; local runtime only. */
  jobFile: (jobId: string): VolumePath => `${layout.job(jobId)}/job.json`,
  work: (jobId: string): VolumePath => `${layout.job(jobId)}/work`,
  audio: (jobId: string): VolumePath => `${layout.work(jobId)}/audio.wav`,
  plan: (jobId: string): VolumePath => `${layout.work(jobId)}/plan.json`,
  peaks: (jobId: string): VolumePath => `${layout.work(jobId)}/peaks.json`,
  language: (jobId: string): VolumePath => `${layout.work(jobId)}/language.json`,
  parts: (jobId: string): VolumePath => `${layout.work(jobId)}/parts`,
  part: (jobId: string, chunk: number): VolumePath => `${layout.parts(jobId)}/${String(chunk).padStart(6, '0')}.json`,

  /** Manifests of what is only needed while working lie in work/, those of results beside the results. */
  stepManifest: (jobId: string, stage: StageName, shard = 0): VolumePath => {
    switch (stage) {
      case 'transcribe':
        return `${layout.work(jobId)}/transcribe-${shard}.manifest.json`;
      case 'finalize':
      case 'render':
        return `${layout.outputs(jobId)}/${stage}.manifest.json`;
      default:
        return `${layout.work(jobId)}/${stage}.manifest.json`;
    }
  },

  /** Jobs that wait for a cluster that does not answer; kubernetes runtime only. No id of a job begins with a dot. */
  outbox: (): VolumePath => 'jobs/.outbox',
  outboxEntry: (name: string): VolumePath => `${layout.outbox()}/${segment(name)}.json`,
  outboxDiscarded: (requestId: string): VolumePath => `${layout.outbox()}/discarded/${segment(requestId)}.json`,

  outputs: (jobId: string): VolumePath => `outputs/${segment(jobId)}`,
  output: (jobId: string, name: string): VolumePath => `${layout.outputs(jobId)}/${segment(name)}`,
  /** A person's corrections; no step writes here. */
  edits: (jobId: string): VolumePath => `${layout.outputs(jobId)}/edits.json`,

  logs: (service: string, instance: string): VolumePath => `logs/${segment(service)}/${segment(instance)}`,
} as const;
export type Layout = typeof layout;
