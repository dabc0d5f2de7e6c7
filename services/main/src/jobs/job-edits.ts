import { isDeepStrictEqual } from 'node:util';
import { Annotation, type MediaJob, type MediaJobSpec, type PatchJob, TERMINAL_PHASES } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import type { JobAction } from './jobs.js';
import { defined } from './same-work.js';

/** A merge patch (RFC 7386) of what people may change of a job: null takes a value back. */
export interface JobEdit {
  readonly metadata?: { readonly annotations: Readonly<Record<string, string | null>> };
  readonly spec?: NonNullable<PatchJob['spec']>;
}

export function isActive(job: MediaJob): boolean {
  return !TERMINAL_PHASES.includes(job.status.phase);
}

export function patchWith({ metadata, spec }: PatchJob): JobAction {
  const title = metadata?.title;
  const edit: JobEdit = {
    ...(title === undefined ? {} : { metadata: { annotations: { [Annotation.title]: title } } }),
    ...(spec === undefined ? {} : { spec }),
  };
  return () => edit;
}

/** One that has ended stays as it ended. */
export const cancel: JobAction = (job) => (isActive(job) ? { spec: { cancel: true } } : undefined);

/** A new attempt of a job that has ended; one that waits goes on at once. */
export function retryWith(token: string): JobAction {
  return () => ({
    metadata: { annotations: { [Annotation.retry]: token } },
    spec: { cancel: false, suspend: false },
  });
}

export const suspend: JobAction = (job) => {
  if (isActive(job)) return { spec: { suspend: true } };
  throw new ProblemError('conflict', 'The job has ended, so there is nothing to suspend. Retry it to begin anew.');
};

export const resume: JobAction = () => ({ spec: { suspend: false } });

/** @throws ProblemError conflict when the job is being deleted, and what the action throws */
export function editOf(job: MediaJob, action: JobAction): JobEdit | undefined {
  if (job.metadata.deletionTimestamp !== undefined) {
    throw new ProblemError('conflict', 'The job is being deleted; nothing of it can change any more.');
  }
  return action(job);
}

/** The job after an edit, with a new generation when its spec is another one; the same object when nothing changes. */
export function edited(job: MediaJob, edit: JobEdit | undefined): MediaJob {
  if (edit === undefined) return job;
  const spec = merged(job.spec, edit.spec) as MediaJobSpec;
  const annotations = merged(job.metadata.annotations ?? {}, edit.metadata?.annotations) as Record<string, string>;
  const sameSpec = isDeepStrictEqual(spec, job.spec);
  if (sameSpec && isDeepStrictEqual(annotations, job.metadata.annotations ?? {})) return job;
  const { generation } = job.metadata;
  return {
    ...job,
    metadata: { ...job.metadata, annotations, generation: sameSpec ? generation : generation + 1 },
    spec,
  };
}

function merged(before: object, patch: object | undefined): object {
  const after = { ...before, ...defined(patch ?? {}) };
  return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== null));
}
