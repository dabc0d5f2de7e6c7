import type { MediaJob, MediaJobStatus } from '@mediajob/contract';
import { withConditions } from '@mediajob/pipeline';

/**
 * The status of a job whose spec cannot be run. One that nothing was done for has failed; one that has Jobs already was
 * accepted once, by another version most likely: it is left alone, running Jobs and all, until somebody mends it.
 *
 * @param why names the field
 */
export function invalidStatus(job: MediaJob, why: string, hasJobs: boolean, now: number): MediaJobStatus {
  const { status, metadata } = job;
  const time = new Date(now).toISOString();
  const advice = hasJobs
    ? 'This version of the operator does not understand the job, and leaves it alone.'
    : 'Make a new job without it.';
  const message = `${why} ${advice}`.slice(0, 1024);
  const failed = { reason: 'InvalidSpec', message } as const;
  const conditions = withConditions(
    status.conditions,
    [
      { type: 'Accepted', status: 'False', ...failed },
      ...(hasJobs
        ? []
        : ([
            { type: 'Queued', status: 'False', reason: 'Finished', message: 'The job has ended.' },
            { type: 'Succeeded', status: 'False', ...failed },
            { type: 'Failed', status: 'True', ...failed },
          ] as const)),
    ],
    metadata.generation,
    time,
  );
  const observed = { ...status, observedGeneration: metadata.generation, conditions, message };
  if (hasJobs) return observed;
  return { ...observed, phase: 'Failed', startedAt: status.startedAt ?? time, finishedAt: status.finishedAt ?? time };
}
