import { type ConditionReason, type FailureReason, reasonOfExitCode, retryPolicyOf } from '@mediajob/contract';
import type { ObservedRun, PipelinePolicy, Tally } from './observed.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** StorageFull: after 1, 2, 5, then every 10 minutes (DESIGN "Exit codes"). */
const STORAGE_WAITS = [1 * MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE];
/** A model is put there by a person: look often at first, then at leisure. */
const MODEL_WAITS = [15 * SECOND, 30 * SECOND, 1 * MINUTE, 2 * MINUTE, 5 * MINUTE];
const RETRY_BASE_MS = 5 * SECOND;
const RETRY_CAP_MS = 5 * MINUTE;
const MEMORY_STEP = 1.5;
/** Losses and interruptions in a row that are free although they brought nothing. */
export const FREE_LOSSES = 5;
/** Less than this is no progress: a resumed run that repeats a part of a chunk gains nothing. */
const PROGRESS_STEP = 0.001;
const MOST_AVOIDED_NODES = 8;

/** When a run ended. Never the present time, which would move with every look: without a record, it is as if long ago. */
export function endOf(run: ObservedRun): string {
  return run.finishedAt ?? run.startedAt ?? '1970-01-01T00:00:00Z';
}

/** What follows from a run that ended. */
export interface Outcome {
  readonly verdict: 'done' | 'fail' | 'again';
  /** For the next try. */
  readonly tally: Tally;
  /** Earliest start of the next try, in ms of the epoch. */
  readonly notBefore: number;
  /** Whether it used up one of the retries. */
  readonly counted: boolean;
  /** How it failed; undefined when it succeeded, or was stopped by us. */
  readonly failure: { exitCode: number; reason: FailureReason; message: string } | undefined;
  /** What the Queued condition says until the next try. */
  readonly waiting: Extract<ConditionReason, 'StorageFull' | 'ModelMissing' | 'WaitingForRetry'> | undefined;
}

/**
 * Judges a run that ended, by the table of DESIGN "Exit codes".
 * @param retries spec.retries: how many counted failures are forgiven
 */
export function outcomeOf(run: ObservedRun, retries: number, policy: PipelinePolicy): Outcome {
  const finishedAt = run.endSeenAt ?? Date.parse(endOf(run));
  const fraction = run.progress?.fraction ?? 0;
  const progressed = fraction > run.tally.bestFraction + PROGRESS_STEP;
  const tally: Tally = {
    ...run.tally,
    idle: progressed ? 0 : run.tally.idle,
    bestFraction: Math.max(run.tally.bestFraction, fraction),
    cpuSeconds: run.tally.cpuSeconds + (run.usage?.cpuSeconds ?? 0),
    maxRssBytes: Math.max(run.tally.maxRssBytes, run.usage?.maxRssBytes ?? 0),
  };
  if (run.state === 'succeeded' && run.result?.stage === run.key.stage) {
    return { verdict: 'done', tally, notBefore: finishedAt, counted: false, failure: undefined, waiting: undefined };
  }
  if (run.stopRequested === true && run.state !== 'succeeded') {
    return { verdict: 'again', tally, notBefore: finishedAt, counted: false, failure: undefined, waiting: undefined };
  }

  const failure = failureOf(run);
  const storageWaits = failure.reason === 'StorageFull' ? tally.storageWaits : 0;
  const modelWaits = failure.reason === 'ModelNotFound' ? tally.modelWaits : 0;
  const streak: Tally = { ...tally, storageWaits, modelWaits };
  const policyOfRun = run.state === 'failed' ? retryPolicyOf(failure.exitCode, failure.reason) : 'retry-uncounted';

  switch (policyOfRun) {
    case 'fail':
      return { verdict: 'fail', tally: streak, notBefore: finishedAt, counted: true, failure, waiting: undefined };
    case 'wait-storage':
      return {
        verdict: 'again',
        tally: { ...streak, storageWaits: storageWaits + 1 },
        notBefore: finishedAt + step(STORAGE_WAITS, storageWaits),
        counted: false,
        failure,
        waiting: 'StorageFull',
      };
    case 'wait-model':
      return {
        verdict: 'again',
        tally: { ...streak, modelWaits: modelWaits + 1 },
        notBefore: finishedAt + step(MODEL_WAITS, modelWaits),
        counted: false,
        failure,
        waiting: 'ModelMissing',
      };
    case 'retry-uncounted': {
      if (run.disrupted === true) {
        return {
          verdict: 'again',
          tally: streak,
          notBefore: finishedAt,
          counted: false,
          failure,
          waiting: 'WaitingForRetry',
        };
      }
      const idle = streak.idle + 1;
      if (idle <= FREE_LOSSES) {
        // One that was lost is put again at once, and a worker in a crash loop gets some air. What ended well and said
        // nothing that we understand will hardly say more a moment later.
        const delay = run.state === 'succeeded' ? retryDelayMs(idle) : idle === 1 ? 0 : SECOND * 2 ** (idle - 1);
        return {
          verdict: 'again',
          tally: { ...streak, idle },
          notBefore: finishedAt + delay,
          counted: false,
          failure,
          waiting: 'WaitingForRetry',
        };
      }
      return countedRetry(run, streak, failure, retries, policy, finishedAt);
    }
    default:
      return countedRetry(run, streak, failure, retries, policy, finishedAt);
  }
}

function countedRetry(
  run: ObservedRun,
  before: Tally,
  failure: NonNullable<Outcome['failure']>,
  retries: number,
  policy: PipelinePolicy,
  finishedAt: number,
): Outcome {
  const counted = before.counted + 1;
  const tally: Tally = {
    ...before,
    counted,
    memoryFactor:
      failure.reason === 'OutOfMemory'
        ? Math.min(Math.max(1, policy.maxMemoryFactor), before.memoryFactor * MEMORY_STEP)
        : before.memoryFactor,
    avoidNodes:
      failure.reason === 'DeviceUnavailable' && run.node !== undefined && !before.avoidNodes.includes(run.node)
        ? [...before.avoidNodes, run.node].slice(-MOST_AVOIDED_NODES)
        : before.avoidNodes,
  };
  return {
    verdict: counted > retries ? 'fail' : 'again',
    tally,
    notBefore: finishedAt + retryDelayMs(counted),
    counted: true,
    failure,
    waiting: 'WaitingForRetry',
  };
}

function retryDelayMs(failures: number): number {
  return Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** (failures - 1));
}

function failureOf(run: ObservedRun): NonNullable<Outcome['failure']> {
  if (run.state === 'lost') {
    return {
      exitCode: 143,
      reason: run.reason ?? 'WorkerLost',
      message: run.message ?? 'The worker that ran it is gone.',
    };
  }
  if (run.state === 'succeeded') {
    const message = run.message ?? 'It ended well, but its result could not be read.';
    return { exitCode: 70, reason: 'Internal', message };
  }
  const exitCode = run.exitCode ?? 70;
  const reason = run.reason ?? reasonOfExitCode(exitCode);
  return { exitCode, reason, message: run.message ?? `It ended with exit code ${exitCode} (${reason}).` };
}

function step(delays: readonly number[], index: number): number {
  return delays[Math.min(index, delays.length - 1)] ?? 0;
}
