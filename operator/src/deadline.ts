import type { MediaJob, MediaJobStatus } from '@mediajob/contract';
import type { Job } from '@mediajob/kube';
import { hasFinished, stopAsked } from './jobs.js';

/** A Job ends itself so long after the deadline, in s, should nobody be there to end it: `decide()` is always first. */
export const DEADLINE_GRACE_S = 60;
/** Clocks and start times need not agree better than this, in s. */
const TOLERANCE_S = 5;

/** When the attempt has to be done, in ms of the epoch; undefined: it has all the time. */
export function deadlineOf(job: MediaJob, { startedAt }: Pick<MediaJobStatus, 'startedAt'>): number | undefined {
  const seconds = job.spec.activeDeadlineSeconds;
  return seconds === undefined || startedAt === undefined ? undefined : Date.parse(startedAt) + seconds * 1000;
}

/**
 * What activeDeadlineSeconds a Job under way should have, when it would end before the deadline that holds now: somebody
 * gave the MediaJob more time. `null`: none. undefined: it is fine as it is.
 */
export function movedDeadline(job: Job, deadline: number | undefined): number | null | undefined {
  const { activeDeadlineSeconds } = job.spec;
  const { startTime } = job.status ?? {};
  if (activeDeadlineSeconds === undefined || startTime === undefined) return undefined;
  if (hasFinished(job) || stopAsked(job)) return undefined;
  if (deadline === undefined) return null;
  const wanted = Math.ceil((deadline - Date.parse(startTime)) / 1000) + DEADLINE_GRACE_S;
  return wanted > activeDeadlineSeconds + TOLERANCE_S ? wanted : undefined;
}
