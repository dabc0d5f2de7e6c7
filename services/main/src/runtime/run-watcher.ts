import type { JobId, TaskStatus } from '@mediajob/contract';
import { type RunKey, runName } from '@mediajob/pipeline';
import type { Clock } from './clock.js';
import type { Placement, RunRecord } from './job-record.js';
import type { StoreLog } from './job-store.js';
import { RunFeed } from './run-feed.js';
import type { RunLedger } from './run-ledger.js';
import type { WorkerAnswer, Workers } from './workers.js';

export interface RunWatcherOptions {
  readonly clock: Clock;
  readonly log: StoreLog;
  /** Time between two questions about a run in ms, while its worker tells nothing by itself; shorter while it is young. */
  readonly pollMs?: number;
  readonly youngPollMs?: number;
  /** …and while it does: streams may be cut without anyone being told. */
  readonly streamedPollMs?: number;
  /** A run whose worker did not answer for this long is lost, in ms. */
  readonly lostAfterMs?: number;
  /** …and after this long when nobody listens at its address, so that nothing can run there. */
  readonly refusedLostAfterMs?: number;
}

const POLL_MS = 1000;
const YOUNG_POLL_MS = 200;
const STREAMED_POLL_MS = 5000;
const YOUNG_MS = 10_000;
const LOST_AFTER_MS = 30_000;
const REFUSED_LOST_AFTER_MS = 3000;

/**
 * Follows runs that were given to a worker, each in a loop of its own, until they have ended. A worker's stream of events
 * tells news at once; questions are what it all rests on, and find out when a worker or a run is gone.
 */
export class RunWatcher {
  readonly #ledger: RunLedger;
  readonly #workers: Workers;
  readonly #options: RunWatcherOptions;
  readonly #watched = new Set<string>();
  readonly #sleepers = new Map<string, () => void>();
  #stopped = false;

  constructor(ledger: RunLedger, workers: Workers, options: RunWatcherOptions) {
    this.#ledger = ledger;
    this.#workers = workers;
    this.#options = options;
  }

  /** Follows a run from now on; one that is followed already is only looked at sooner. */
  watch(jobId: JobId, key: RunKey): void {
    const id = runName(jobId, key);
    if (this.#stopped) return;
    if (this.#watched.has(id)) return;
    this.#watched.add(id);
    void this.#follow(jobId, key, id).finally(() => {
      this.#watched.delete(id);
      // Given away again just as the last look ended: follow it once more.
      const run = this.#ledger.find(jobId, key);
      if (run?.placement !== undefined && isLive(run)) this.watch(jobId, key);
    });
  }

  /** Asks about a run at once: someone wants it to stop. */
  hurry(jobId: JobId, key: RunKey): void {
    this.#sleepers.get(runName(jobId, key))?.();
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of [...this.#sleepers.values()]) wake();
  }

  async #follow(jobId: JobId, key: RunKey, id: string): Promise<void> {
    const silence = new Silence(this.#options);
    const feed = new RunFeed(this.#workers, id, this.#options.clock, () => this.#sleepers.get(id)?.());
    try {
      await this.#look(jobId, key, id, { feed, silence });
    } finally {
      feed.close();
    }
  }

  async #look(jobId: JobId, key: RunKey, id: string, { feed, silence }: { feed: RunFeed; silence: Silence }) {
    const { clock, log } = this.#options;
    const begun = clock.now();
    while (!this.#stopped) {
      const run = this.#ledger.find(jobId, key);
      if (run?.placement === undefined || !isLive(run)) return;
      const { address } = run.placement;
      try {
        if (!this.#ledger.placing.has(id)) {
          if (run.placement.confirmed) feed.listen(address);
          const answer = await this.#answerAbout(run, address, id, feed);
          if (this.#stopped) return;
          await this.#learn(jobId, key, run.placement, answer, silence);
        }
      } catch (error) {
        // What could not be written did not happen: the worker is asked again.
        log.warn({ err: error, run: id }, 'the state of a run could not be recorded; trying again');
      }
      const now = this.#ledger.find(jobId, key);
      if (feed.hasNews || now === undefined || !isLive(now)) continue;
      await this.#sleep(id, this.#pauseMs(feed.open, clock.now() - begun));
    }
  }

  async #answerAbout(run: RunRecord, address: string, id: string, feed: RunFeed): Promise<WorkerAnswer> {
    const told = feed.take();
    // Whoever shall stop is told so until he has.
    if (run.stopRequested === true && told?.finishedAt === undefined) return this.#workers.cancel(address, id);
    return told === undefined ? this.#workers.get(address, id) : { kind: 'status', status: told };
  }

  #pauseMs(streamed: boolean, ageMs: number): number {
    const { streamedPollMs, youngPollMs, pollMs } = this.#options;
    if (streamed) return streamedPollMs ?? STREAMED_POLL_MS;
    return ageMs < YOUNG_MS ? (youngPollMs ?? YOUNG_POLL_MS) : (pollMs ?? POLL_MS);
  }

  async #learn(jobId: JobId, key: RunKey, asked: Placement, answer: WorkerAnswer, silence: Silence): Promise<void> {
    const time = new Date(this.#options.clock.now()).toISOString();
    switch (answer.kind) {
      case 'status':
        silence.broken();
        await this.#ledger.change(jobId, key, (run) => withStatus(run, answer.status, time));
        return;
      case 'unknown':
        silence.broken();
        await this.#unknown(jobId, key, asked, time);
        return;
      case 'busy':
      case 'rejected':
        // It answers, but not about the run (shutting down, most likely): soon it will, or be away.
        silence.heard(false, this.#options.clock.now());
        break;
      case 'unreachable':
        silence.heard(answer.refused, this.#options.clock.now());
        break;
    }
    if (silence.tooLong(this.#options.clock.now())) {
      await this.#ledger.change(jobId, key, (run) =>
        lost(run, time, 'The worker that ran it cannot be reached any more; it is started again elsewhere.'),
      );
    }
  }

  /** The worker knows no such run: it never got it, or it is another process than the one that had it. */
  async #unknown(jobId: JobId, key: RunKey, asked: Placement, time: string): Promise<void> {
    const run = this.#ledger.find(jobId, key);
    // Given to someone, or confirmed, since the question was asked: the answer is about the past.
    if (run?.placement === undefined || run.placement.address !== asked.address) return;
    if (run.placement.confirmed && !asked.confirmed) return;
    if (run.stopRequested === true) {
      await this.#ledger.change(jobId, key, (now) => stopped(now, time));
      return;
    }
    if (run.placement.confirmed) {
      await this.#ledger.change(jobId, key, (now) =>
        lost(now, time, 'The worker was started again and knows nothing of it.'),
      );
      return;
    }
    // On record, but never put: main died in between. The same name again: it cannot be started twice.
    const { address } = run.placement;
    const answer = await this.#workers.put(address, runName(jobId, key), run.request);
    if (answer.kind === 'status') {
      await this.#ledger.change(jobId, key, (now) => withStatus(now, answer.status, time));
    } else if (answer.kind !== 'unreachable') {
      // It does not want it: someone else may.
      await this.#ledger.change(jobId, key, ({ placement: _placement, ...rest }) => rest);
    }
  }

  #sleep(id: string, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        this.#sleepers.delete(id);
        resolve();
      };
      const cancel = this.#options.clock.after(ms, wake);
      this.#sleepers.set(id, wake);
      if (this.#stopped) wake();
    });
  }
}

/** How long a worker has not answered about a run. */
class Silence {
  readonly #lostAfterMs: number;
  readonly #refusedLostAfterMs: number;
  #since: number | undefined;
  #refusedSince: number | undefined;

  constructor({ lostAfterMs, refusedLostAfterMs }: RunWatcherOptions) {
    this.#lostAfterMs = lostAfterMs ?? LOST_AFTER_MS;
    this.#refusedLostAfterMs = refusedLostAfterMs ?? REFUSED_LOST_AFTER_MS;
  }

  broken(): void {
    this.#since = undefined;
    this.#refusedSince = undefined;
  }

  heard(refused: boolean, now: number): void {
    this.#since ??= now;
    // Once refused, what follows (a broken circuit) tells nothing against it; only an answer does.
    if (refused) this.#refusedSince ??= now;
  }

  tooLong(now: number): boolean {
    if (this.#refusedSince !== undefined && now - this.#refusedSince >= this.#refusedLostAfterMs) return true;
    return this.#since !== undefined && now - this.#since >= this.#lostAfterMs;
  }
}

function isLive(run: RunRecord): boolean {
  return run.state === 'pending' || run.state === 'running';
}

/** A run as its worker tells of it. */
export function withStatus(run: RunRecord, task: TaskStatus, time: string): RunRecord {
  const { waiting: _waiting, ...rest } = run;
  const placement: Placement | undefined =
    run.placement === undefined
      ? undefined
      : { address: run.placement.address, instance: task.instance, confirmed: true };
  const known: RunRecord = {
    ...rest,
    ...(placement === undefined ? {} : { placement, node: placement.address }),
    ...(task.progress === undefined ? {} : { progress: task.progress }),
    ...(task.usage === undefined ? {} : { usage: task.usage }),
    ...startOf(run, task, time),
  };
  const finishedAt = endOf(known, task, time);
  switch (task.state) {
    case 'queued':
      return { ...known, state: 'pending', ...(run.waiting === undefined ? {} : { waiting: run.waiting }) };
    case 'running':
      return { ...known, state: 'running' };
    case 'succeeded':
      return {
        ...known,
        state: 'succeeded',
        finishedAt,
        ...(task.result === undefined ? {} : { result: task.result }),
      };
    case 'failed':
      return {
        ...known,
        state: 'failed',
        finishedAt,
        exitCode: task.failure?.exitCode ?? 70,
        ...(task.failure === undefined ? {} : { reason: task.failure.reason, message: task.failure.message }),
      };
    case 'cancelled':
      return {
        ...known,
        state: 'failed',
        finishedAt,
        exitCode: 143,
        reason: 'Interrupted',
        message: 'The run was cancelled.',
      };
  }
}

/**
 * Times are by the clock of this process, which retries and deadlines go by; a worker's clock may be another, but how
 * long its run took is right.
 */
function startOf(run: RunRecord, task: TaskStatus, time: string): Pick<RunRecord, 'startedAt'> {
  if (run.startedAt !== undefined) return { startedAt: run.startedAt };
  if (task.startedAt === undefined) return {};
  return { startedAt: new Date(Date.parse(time) - (durationOf(task) ?? 0)).toISOString() };
}

function endOf({ startedAt }: RunRecord, task: TaskStatus, time: string): string {
  const duration = durationOf(task);
  if (startedAt === undefined || duration === undefined) return time;
  return new Date(Math.min(Date.parse(time), Date.parse(startedAt) + duration)).toISOString();
}

function durationOf({ startedAt, finishedAt }: TaskStatus): number | undefined {
  return startedAt === undefined || finishedAt === undefined
    ? undefined
    : Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt));
}

function stopped(run: RunRecord, time: string): RunRecord {
  return {
    ...run,
    state: 'failed',
    exitCode: 143,
    reason: 'Interrupted',
    message: 'The run was stopped.',
    finishedAt: time,
  };
}

function lost(run: RunRecord, time: string, message: string): RunRecord {
  return { ...run, state: 'lost', reason: 'WorkerLost', message, finishedAt: time };
}
