import { type JobId, StepRequest } from '@mediajob/contract';
import type { Job } from '@mediajob/kube';
import { type JobInput, jobTemplate } from './job-template.js';
import { hasFinished, isIndexed, keyOfJob, tallyOf } from './jobs.js';
import { JobAnnotation } from './labels.js';
import { MAIN_CONTAINER } from './pod-template.js';

/** A Job as it is, with what would be made of it today. */
export type DriftContext = Pick<JobInput, 'job' | 'object' | 'config'> & {
  profileOf(stage: 'convert' | 'transcribe' | 'finalize' | 'render' | 'cleanup'): JobInput['profile'] | undefined;
};

/**
 * Notices Jobs under way that would be made otherwise today, after an upgrade or a changed profile. They go on as they
 * were made: that they differ is told once, and changes nothing.
 */
export class DriftWatch {
  readonly #told = new Map<JobId, Set<string>>();

  /** Jobs that have drifted and were not told of before. */
  look(jobs: Iterable<Job>, context: DriftContext): Job[] {
    const { uid } = context.job.metadata;
    const drifted = [...jobs].filter((job) => {
      const made = job.metadata.annotations?.[JobAnnotation.templateHash];
      if (made === undefined || hasFinished(job) || this.#told.get(uid)?.has(job.metadata.uid) === true) return false;
      const today = hashToday(job, context);
      return today !== undefined && today !== made;
    });
    if (drifted.length > 0) {
      const told = this.#told.get(uid) ?? new Set();
      for (const job of drifted) told.add(job.metadata.uid);
      this.#told.set(uid, told);
    }
    return drifted;
  }

  /** Of a job that ended or is gone. */
  drop(uid: JobId): void {
    this.#told.delete(uid);
  }
}

function hashToday(job: Job, { profileOf, ...context }: DriftContext): string | undefined {
  const key = keyOfJob(job);
  const request = requestOf(job);
  const profile = key === undefined ? undefined : profileOf(key.stage);
  if (key === undefined || request === undefined || profile === undefined) return undefined;
  const { completions = 1, parallelism = 1 } = job.spec;
  const draft = jobTemplate({
    ...context,
    key: { ...key, shard: key.shard ?? 0 },
    request,
    tally: tallyOf(job),
    profile,
    ...(isIndexed(job) && {
      indexed: { shards: completions, chunks: Number(envOf(job, 'MEDIAJOB_CHUNKS')), parallelism },
    }),
  });
  return draft.metadata.annotations?.[JobAnnotation.templateHash];
}

/** As it was written, not as it is parsed: the hash must not depend on the order of its fields. */
function requestOf(job: Job): StepRequest | undefined {
  try {
    // Written by `literally()`.
    const request: unknown = JSON.parse((envOf(job, 'MEDIAJOB_REQUEST') ?? '').replaceAll('$$', '$$'));
    return StepRequest.safeParse(request).success ? (request as StepRequest) : undefined;
  } catch {
    return undefined;
  }
}

function envOf(job: Job, name: string): string | undefined {
  const main = job.spec.template.spec.containers.find((container) => container.name === MAIN_CONTAINER);
  return main?.env?.find((variable) => variable.name === name)?.value;
}
