import type {
  ConditionReason,
  FailureReason,
  MediaJob,
  RunKey,
  StepProgress,
  StepResult,
  Usage,
} from '@mediajob/contract';

/**
 * pending: asked for, not running yet (no free worker, an unscheduled pod). lost: nobody knows what became of it,
 * and it is certain that it does not run under our eyes any more.
 */
export type RunState = 'pending' | 'running' | 'succeeded' | 'failed' | 'lost';

/**
 * What the tries before this one add up to. It travels with the run (a field of its record, an annotation of its Job),
 * so that the newest run of a stage and shard tells everything and older ones can be forgotten.
 */
export interface Tally {
  /** Failures that used up one of spec.retries. */
  readonly counted: number;
  /** Losses and interruptions in a row that brought no progress; they are free up to a limit. */
  readonly idle: number;
  /** StorageFull in a row. */
  readonly storageWaits: number;
  /** ModelNotFound in a row. */
  readonly modelWaits: number;
  /** Largest fraction that any try reached, 0 to 1. */
  readonly bestFraction: number;
  /** What the memory of the profile is multiplied with. */
  readonly memoryFactor: number;
  /** Nodes whose device failed. */
  readonly avoidNodes: readonly string[];
  /** CPU seconds of earlier tries. */
  readonly cpuSeconds: number;
  /** Largest resident memory of any earlier try. */
  readonly maxRssBytes: number;
}

export const NO_TALLY: Tally = {
  counted: 0,
  idle: 0,
  storageWaits: 0,
  modelWaits: 0,
  bestFraction: 0,
  memoryFactor: 1,
  avoidNodes: [],
  cpuSeconds: 0,
  maxRssBytes: 0,
};

/** What a run waits for, as a reason of the Queued condition, and what to do about it. */
export interface Waiting {
  readonly reason: Extract<
    ConditionReason,
    | 'WaitingForWorker'
    | 'WorkerUnreachable'
    | 'Unschedulable'
    | 'WaitingForQuota'
    | 'ImageUnavailable'
    | 'VolumePending'
    | 'PodRefused'
    | 'NodeLost'
    | 'NameConflict'
    | 'ProfileNotFound'
  >;
  readonly message: string;
}

/** A run as a runtime sees it: a task of a worker, or a Kubernetes Job. */
export interface ObservedRun {
  readonly key: RunKey;
  readonly tally: Tally;
  readonly state: RunState;
  /** Someone asked it to stop, and the runtime has that on record: its end is no failure. */
  readonly stopRequested?: boolean;
  /** Why it does not run yet, or why a run that is under way does not get on. */
  readonly waiting?: Waiting;
  readonly exitCode?: number;
  readonly reason?: FailureReason;
  readonly message?: string;
  /** Ended by a disruption of the platform (Kubernetes: DisruptionTarget): never counts. */
  readonly disrupted?: boolean;
  readonly node?: string;
  readonly result?: StepResult;
  readonly progress?: StepProgress;
  readonly usage?: Usage;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /**
   * When the runtime saw that it had ended, in ms of the epoch by the clock that `now` is told by: pauses count from here,
   * should the clocks of those who run it be others. Left out: they count from `finishedAt`.
   */
  readonly endSeenAt?: number;
}

/** What an administrator decides for all jobs. */
export interface PipelinePolicy {
  /** Wanted length of a chunk in ms. */
  readonly chunkTargetMs: number;
  readonly chunksPerShard: number;
  /** Longest media taken, in ms. */
  readonly maxDurationMs: number;
  /** Most that a run's memory may grow after OutOfMemory, as a factor of the profile's. */
  readonly maxMemoryFactor: number;
  /**
   * Two or more shards are started as one, all at once: the runtime itself runs no more than `parallelism` of them
   * (Kubernetes: an Indexed Job). What is tried again is held back by `decide()` as ever.
   */
  readonly batchShards?: boolean;
}

/** Runs whose outcome is in the status already: nothing is left of them but their name, which is taken. */
export interface SpentRun extends Omit<RunKey, 'shard'> {
  /** Left out: this try of all shards. */
  readonly shard?: number;
}

/** A start that the runtime was refused a moment ago. */
export interface RefusedStart {
  readonly key: RunKey;
  readonly waiting: Waiting;
}

/** Everything `decide()` knows. `job.status` is what was last written. */
export interface Observed {
  readonly job: MediaJob;
  readonly runs: readonly ObservedRun[];
  readonly policy: PipelinePolicy;
  readonly spent?: readonly SpentRun[];
  /** The status says why; the starts are decided again. */
  readonly refused?: readonly RefusedStart[];
  /** Nothing but cleanup can be started, and why. What runs goes on. */
  readonly held?: Waiting;
  /** Someone wants nothing done but that said. */
  readonly paused?: boolean;
  /** Deleting the job leaves its files where they are. */
  readonly keepFiles?: boolean;
}

export function isLive(run: ObservedRun): boolean {
  return run.state === 'pending' || run.state === 'running';
}

export function sameKey(a: RunKey, b: RunKey): boolean {
  return a.stage === b.stage && a.shard === b.shard && a.attempt === b.attempt && a.try === b.try;
}
