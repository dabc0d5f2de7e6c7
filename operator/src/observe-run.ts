import { ExitCode, type RunKey } from '@mediajob/contract';
import type { CoreEvent, Job, Pod, Workload } from '@mediajob/kube';
import { type ObservedRun, STAGE_WORDS, type Tally } from '@mediajob/pipeline';
import { hasFinished, holds, isQuiet, stopAsked } from './jobs.js';
import { podOutcome, unreadable } from './outcome.js';
import { byAge, type GoneBy, hasEnded, isDisrupted, mainStatus } from './pods.js';
import type { RunProgress } from './progress-book.js';
import { nodeLost, waitingFor } from './waiting.js';

/** All that is known of one run. */
export interface RunFacts {
  readonly key: RunKey;
  readonly job: Job;
  /** Of this run alone. */
  readonly pods: readonly Pod[];
  /** Of an Indexed Job: what it says of this shard. */
  readonly index?: { readonly completed: boolean; readonly failed: boolean };
  readonly tally: Tally;
  readonly told: RunProgress | undefined;
  readonly profile: string;
  readonly events: readonly CoreEvent[];
  readonly workload: Workload | undefined;
  readonly goneBy: GoneBy;
  readonly nodeLostAfterMs: number;
  readonly now: number;
}

/**
 * One run. It has ended when its Job says so and no pod of it can write any more; a Job that was asked to stop, when
 * the Job controller has seen that and its pods are gone; a run on a node that does not answer, after a while.
 */
export function observeRun(facts: RunFacts): ObservedRun {
  const { key, job, tally, told } = facts;
  const common = {
    key,
    tally,
    ...(told !== undefined && { progress: told.progress }),
    ...(told?.usage !== undefined && { usage: told.usage }),
    ...((stopAsked(job) || job.metadata.deletionTimestamp !== undefined) && { stopRequested: true }),
  };
  return { ...common, ...(endOf(facts) ?? live(facts)) };
}

type Ending = Omit<ObservedRun, 'key' | 'tally' | 'stopRequested' | 'progress'>;

function endOf(facts: RunFacts): Ending | undefined {
  const { job, pods, index, goneBy, now, nodeLostAfterMs } = facts;
  const unended = pods.filter((pod) => !hasEnded(pod));
  const given = unended.filter((pod) => now >= (goneBy(pod) ?? Number.POSITIVE_INFINITY) + nodeLostAfterMs);
  if (unended.length > given.length) return undefined;
  const succeeded = index === undefined ? holds(job, 'Complete') : index.completed;
  if (succeeded) return success(facts);
  const failed = index === undefined ? holds(job, 'Failed') : index.failed;
  if (failed || hasFinished(job)) return failure(facts);
  if (given[0] !== undefined) return lost(given[0], facts);
  if (stopAsked(job) && isQuiet(job)) return stopped(job);
  return undefined;
}

function success({ key, job, pods }: RunFacts): Ending {
  const pod = pods.filter((it) => it.status?.phase === 'Succeeded').sort(byAge)[0];
  const { completionTime } = job.status ?? {};
  const end = completionTime === undefined ? {} : { finishedAt: completionTime };
  if (pod === undefined)
    return { ...end, state: 'succeeded', message: unreadable('its pod is gone, and that with it') };
  const outcome = podOutcome(pod);
  const stage = outcome.result?.stage;
  const other = stage !== undefined && stage !== key.stage;
  const message = other ? unreadable(`in the termination message, result.stage: it is that of ${stage}`) : undefined;
  return { ...end, ...outcome, ...(message !== undefined && { message }), state: 'succeeded' };
}

function failure({ key, job, pods }: RunFacts): Ending {
  const condition = job.status?.conditions?.find((it) => it.type === 'Failed' && it.status === 'True');
  const end = condition?.lastTransitionTime === undefined ? {} : { finishedAt: condition.lastTransitionTime };
  if (condition?.reason === 'DeadlineExceeded') {
    const message = 'Its Job ran into its deadline.';
    return { ...end, state: 'failed', exitCode: ExitCode.Interrupted, reason: 'DeadlineExceeded', message };
  }
  const ended = pods.filter((it) => it.status?.phase === 'Failed').sort(byAge);
  // Those that were taken away have been replaced; the one that counts failed by itself.
  const pod = ended.find((it) => !isDisrupted(it)) ?? ended[0];
  if (pod === undefined) {
    const message = `The pod of the ${STAGE_WORDS[key.stage]} is gone, and with it how it ended.`;
    return { ...end, state: 'lost', message };
  }
  const outcome = podOutcome(pod);
  return { ...end, ...outcome, state: outcome.state === 'succeeded' ? 'lost' : outcome.state };
}

function lost(pod: Pod, { now }: RunFacts): Ending {
  const node = pod.spec.nodeName;
  return {
    state: 'lost',
    ...(node !== undefined && { node }),
    message: `The node ${node ?? 'of its pod'} does not answer; its pod was given up.`,
    // It tells one loss from another, so it is the same for whoever looks, and after a restart: what was counted once is
    // not counted again.
    finishedAt: pod.metadata.deletionTimestamp ?? new Date(now).toISOString(),
  };
}

function stopped(job: Job): Ending {
  const suspended = job.status?.conditions?.find((it) => it.type === 'Suspended' && it.status === 'True');
  return {
    state: 'failed',
    exitCode: ExitCode.Interrupted,
    reason: 'Interrupted',
    ...(job.status?.startTime !== undefined && { startedAt: job.status.startTime }),
    ...(suspended?.lastTransitionTime !== undefined && { finishedAt: suspended.lastTransitionTime }),
  };
}

function live(facts: RunFacts): Omit<ObservedRun, 'key' | 'tally' | 'progress' | 'usage'> {
  const { key, job, pods, profile, events, workload, index, goneBy, now } = facts;
  const [newest] = [...pods].sort(byAge);
  // One that has just ended stands for its run until the Job says so; one that was taken away is being replaced.
  const current = newest !== undefined && hasEnded(newest) && isDisrupted(newest) ? undefined : newest;
  const node = current?.spec.nodeName;
  const running = current !== undefined && (current.status?.phase === 'Running' || hasEnded(current));
  const away = running ? nodeLost(current, facts) : undefined;
  const unended = current === undefined || hasEnded(current) ? undefined : current;
  const waiting = running
    ? away
    : index !== undefined && unended === undefined && isFull(job)
      ? { reason: 'WaitingForWorker' as const, message: 'Other parts of the transcription come first.' }
      : waitingFor({ stage: key.stage, profile, job, pod: unended, events, workload, goneBy, now });
  const startedAt = running ? startOf(current) : undefined;
  return {
    state: running ? 'running' : 'pending',
    ...(node !== undefined && { node }),
    ...(startedAt !== undefined && { startedAt }),
    ...(waiting !== undefined && { waiting }),
  };
}

/** No more pods at once than asked for. */
function isFull({ spec, status }: Job): boolean {
  return (status?.active ?? 0) >= (spec.parallelism ?? 1);
}

function startOf(pod: Pod): string | undefined {
  const { running, terminated } = mainStatus(pod)?.state ?? {};
  return running?.startedAt ?? terminated?.startedAt ?? pod.status?.startTime;
}
