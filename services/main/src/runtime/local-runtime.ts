import { ExitCode, type JobId, type MediaJob } from '@mediajob/contract';
import {
  type Action,
  decide,
  isLive,
  type JobEvent,
  type PipelinePolicy,
  type RunKey,
  sameKey,
} from '@mediajob/pipeline';
import { compareAge } from '../jobs/job-list.js';
import type { Clock } from './clock.js';
import { Dispatcher, type DispatcherOptions } from './dispatcher.js';
import type { JobFiles } from './job-files.js';
import type { JobRecord, RunRecord } from './job-record.js';
import type { JobStore, StoreLog } from './job-store.js';
import type { PendingRun, RunLedger } from './run-ledger.js';
import { RunWatcher, type RunWatcherOptions } from './run-watcher.js';
import { type Workers, workerKindOf } from './workers.js';

export interface LocalRuntimeOptions {
  readonly clock: Clock;
  readonly log: StoreLog;
  readonly policy: Omit<PipelinePolicy, 'maxMemoryFactor'>;
  /** Told after what it tells of is written. */
  onEvents?(job: MediaJob, events: readonly JobEvent[]): void;
  readonly dispatcher?: Partial<DispatcherOptions>;
  readonly watcher?: Partial<RunWatcherOptions>;
}

/** More steps than this without a rest would be a loop of ours. */
const MOST_STEPS = 20;
/** After a write that failed. */
const TRY_AGAIN_MS = 5000;

/**
 * MediaJobs without a cluster: observe → decide → write once → act. A decision's starts and stops are part of the record
 * that is written; dispatcher and watcher then make them true, however often they have to try, also in another process.
 */
export class LocalRuntime implements RunLedger {
  readonly #store: JobStore;
  readonly #files: JobFiles;
  readonly #options: LocalRuntimeOptions;
  readonly #dispatcher: Dispatcher;
  readonly #watcher: RunWatcher;
  readonly #timers = new Map<JobId, () => void>();
  readonly #cleaning = new Set<JobId>();
  readonly placing = new Set<string>();
  #stopped = false;

  constructor(store: JobStore, files: JobFiles, workers: Workers, options: LocalRuntimeOptions) {
    this.#store = store;
    this.#files = files;
    this.#options = options;
    const { clock, log } = options;
    this.#watcher = new RunWatcher(this, workers, { clock, log, ...options.watcher });
    const onPlaced = ({ jobId, run }: PendingRun) => this.#watcher.hurry(jobId, run.key);
    this.#dispatcher = new Dispatcher(this, workers, { clock, log, onPlaced, ...options.dispatcher });
  }

  /** Takes up every job where the last process left it, the oldest first. The store is loaded. */
  start(): void {
    this.#dispatcher.start();
    for (const { job } of this.#store.records()) void this.#reconcileSafely(job.metadata.uid);
  }

  /** Lets go: runs go on at their workers, and the next process takes them up. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#dispatcher.stop();
    this.#watcher.stop();
    for (const cancel of this.#timers.values()) cancel();
    await this.#store.close();
  }

  /** What shapes the plan of a job made now. */
  get plan(): JobRecord['plan'] {
    const { chunkTargetMs, chunksPerShard } = this.#options.policy;
    return { chunkTargetMs, chunksPerShard };
  }

  /**
   * Takes a job in; it is on stable storage when this returns.
   * @returns the job, or the one of the same name that was there first
   * @throws StorageFullError, StorageError
   */
  async submit(job: MediaJob): Promise<{ job: MediaJob; created: boolean }> {
    const first = this.#step({ schemaVersion: 1, job, runs: [], plan: this.plan });
    const other = await this.#store.insert(first.record);
    if (other !== undefined) return { job: other, created: false };
    const { uid } = job.metadata;
    const record = this.#store.record(uid) ?? first.record;
    if (first.events.length > 0) this.#options.onEvents?.(record.job, first.events);
    this.#requeue(uid, first.requeueAfterMs);
    this.#act(record, false);
    return { job: record.job, created: true };
  }

  /**
   * Changes what people may change of a job, and lets it decide what follows, in one write.
   * @returns the job after it; undefined when there is none
   * @throws what `change` throws; StorageFullError, StorageError
   */
  async edit(id: JobId, change: (job: MediaJob) => MediaJob): Promise<MediaJob | undefined> {
    return (await this.#transact(id, (record) => ({ ...record, job: change(record.job) })))?.job;
  }

  // RunLedger

  pending(): PendingRun[] {
    const waiting: { job: MediaJob; runs: RunRecord[] }[] = [];
    for (const { job, runs } of this.#store.unordered()) {
      const own = runs.filter(
        (run) => run.state === 'pending' && run.placement === undefined && run.stopRequested !== true,
      );
      if (own.length > 0) waiting.push({ job, runs: own });
    }
    return waiting
      .sort((a, b) => compareAge(a.job, b.job))
      .flatMap(({ job, runs }) => runs.map((run) => ({ jobId: job.metadata.uid, run })));
  }

  knows(jobId: JobId): boolean {
    return this.#store.record(jobId) !== undefined;
  }

  isLive(jobId: JobId, key: RunKey): boolean {
    const run = this.find(jobId, key);
    return run !== undefined && isLive(run);
  }

  find(jobId: JobId, key: RunKey): RunRecord | undefined {
    return this.#store.record(jobId)?.runs.find((run) => sameKey(run.key, key));
  }

  async change(jobId: JobId, key: RunKey, change: (run: RunRecord) => RunRecord): Promise<RunRecord | undefined> {
    let changed: RunRecord | undefined;
    await this.#transact(jobId, (record) => {
      const run = record.runs.find((it) => sameKey(it.key, key));
      if (run === undefined || !isLive(run)) return record;
      changed = change(run);
      return { ...record, runs: record.runs.map((it) => (it === run ? (changed ?? it) : it)) };
    });
    return changed;
  }

  /** One change of a job with all that follows from it, in one write; then the world is made to follow. */
  async #transact(id: JobId, change: (record: JobRecord) => JobRecord): Promise<JobRecord | undefined> {
    let step: Step | undefined;
    const after = await this.#store.change(id, (record) => {
      step = this.#step(change(record));
      return step.record;
    });
    if (after === undefined || step === undefined) return after;
    if (step.events.length > 0) this.#options.onEvents?.(after.job, step.events);
    this.#requeue(id, step.requeueAfterMs);
    this.#act(after, step.remove);
    return after;
  }

  /** Decides until nothing more follows at this moment. */
  #step(first: JobRecord): Step {
    let record = first;
    const events: JobEvent[] = [];
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const policy: PipelinePolicy = { ...this.#options.policy, ...record.plan, maxMemoryFactor: 1 };
      const decision = decide({ job: record.job, runs: record.runs, policy }, this.#options.clock.now());
      events.push(...decision.events);
      const remove = decision.actions.some((action) => action.type === 'remove');
      record = this.#apply({ ...record, job: { ...record.job, status: decision.status } }, decision.actions);
      const rest = decision.actions.length === 0 && decision.requeueAfterMs !== 0;
      if (rest || remove) return { record, events, requeueAfterMs: decision.requeueAfterMs, remove };
    }
    this.#options.log.error({ jobId: first.job.metadata.uid }, 'a job does not come to rest; looking again later');
    return { record, events, requeueAfterMs: TRY_AGAIN_MS, remove: false };
  }

  #apply(record: JobRecord, actions: readonly Action[]): JobRecord {
    let { runs, job } = record;
    const now = new Date(this.#options.clock.now()).toISOString();
    for (const action of actions) {
      switch (action.type) {
        case 'start':
          runs = [
            ...runs,
            {
              key: action.key,
              tally: { ...action.tally, avoidNodes: [...action.tally.avoidNodes] },
              request: action.request,
              state: 'pending',
            },
          ];
          break;
        case 'stop':
          runs = runs.map((run) => (sameKey(run.key, action.key) ? asked(run, now) : run));
          break;
        case 'forget':
          runs = runs.filter((run) => !sameKey(run.key, action.key));
          break;
        case 'delete':
          job = { ...job, metadata: { ...job.metadata, deletionTimestamp: job.metadata.deletionTimestamp ?? now } };
          break;
        case 'remove':
          break;
      }
    }
    return { ...record, job, runs };
  }

  #act({ job, runs }: JobRecord, remove: boolean): void {
    const id = job.metadata.uid;
    if (this.#stopped) return;
    if (remove) {
      void this.#remove(id);
      return;
    }
    for (const run of runs) {
      if (!isLive(run)) continue;
      if (workerKindOf(run.key.stage) === undefined) void this.#clean(id, run.key);
      else if (run.placement !== undefined) {
        this.#watcher.watch(id, run.key);
        if (run.stopRequested === true) this.#watcher.hurry(id, run.key);
      }
    }
    this.#dispatcher.wake();
  }

  #requeue(id: JobId, afterMs: number | undefined): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    if (afterMs === undefined || this.#stopped) return;
    this.#timers.set(
      id,
      this.#options.clock.after(afterMs, () => void this.#reconcileSafely(id)),
    );
  }

  async #reconcileSafely(id: JobId): Promise<void> {
    try {
      await this.#transact(id, (record) => record);
      // Nothing changed: the store says nothing, but runs may have to be taken up.
      const record = this.#store.record(id);
      if (record !== undefined) this.#act(record, false);
    } catch (error) {
      this.#options.log.warn({ err: error, jobId: id }, 'a job could not be taken further; trying again');
      this.#requeue(id, TRY_AGAIN_MS);
    }
  }

  /** Cleanup needs nothing but the volume, so that a job can be deleted whatever is down. */
  async #clean(id: JobId, key: RunKey): Promise<void> {
    if (this.#cleaning.has(id)) return;
    this.#cleaning.add(id);
    const startedAt = new Date(this.#options.clock.now()).toISOString();
    const end = () => ({ startedAt, finishedAt: new Date(this.#options.clock.now()).toISOString() });
    try {
      await this.#files.clean(id);
      await this.change(id, key, (run) => ({
        ...run,
        state: 'succeeded',
        result: { stage: 'cleanup', removed: 2 },
        ...end(),
      }));
    } catch (error) {
      this.#options.log.warn({ err: error, jobId: id }, 'the files of a deleted job could not be removed yet');
      const message = error instanceof Error ? error.message : String(error);
      await this.change(id, key, (run) => ({
        ...run,
        state: 'failed',
        exitCode: ExitCode.StorageError,
        reason: 'StorageError',
        message: message.slice(0, 1024),
        ...end(),
      })).catch((failure: unknown) => {
        this.#options.log.warn({ err: failure, jobId: id }, 'a job could not be taken further; trying again');
        this.#requeue(id, TRY_AGAIN_MS);
      });
    } finally {
      this.#cleaning.delete(id);
    }
  }

  async #remove(id: JobId): Promise<void> {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    try {
      await this.#store.remove(id);
      this.#dispatcher.wake();
    } catch (error) {
      this.#options.log.warn({ err: error, jobId: id }, 'a deleted job could not be removed yet; trying again');
      this.#requeue(id, TRY_AGAIN_MS);
    }
  }
}

interface Step {
  readonly record: JobRecord;
  readonly events: readonly JobEvent[];
  readonly requeueAfterMs: number | undefined;
  readonly remove: boolean;
}

/** A run that nobody was given ends at once; any other when its worker says so. */
function asked(run: RunRecord, now: string): RunRecord {
  if (run.placement !== undefined || workerKindOf(run.key.stage) === undefined) return { ...run, stopRequested: true };
  return {
    ...run,
    stopRequested: true,
    state: 'failed',
    exitCode: ExitCode.Interrupted,
    reason: 'Interrupted',
    finishedAt: now,
  };
}
