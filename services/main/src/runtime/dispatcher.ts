import { parseRunName, runName } from '@mediajob/pipeline';
import type { Clock } from './clock.js';
import type { RunRecord } from './job-record.js';
import type { StoreLog } from './job-store.js';
import type { PendingRun, RunLedger } from './run-ledger.js';
import { withStatus } from './run-watcher.js';
import { WORKER_KINDS, type WorkerKind, type WorkerLoad, type Workers, workerKindOf } from './workers.js';

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly log: StoreLog;
  /** Time between two looks while something waits, in ms. */
  readonly roundMs?: number;
  /** Time between two looks for runs that nobody wants any more, in ms. */
  readonly strayMs?: number;
  /** Told when a run that was just being put may be asked about. */
  onPlaced?(run: PendingRun): void;
}

const ROUND_MS = 1000;
const STRAY_MS = 30_000;

/**
 * Gives waiting runs to workers: the oldest job first, to the least loaded worker, never more than a worker runs at once.
 * What waits, waits here: so it can still be suspended, and a worker that comes later gets its share.
 */
export class Dispatcher {
  readonly #ledger: RunLedger;
  readonly #workers: Workers;
  readonly #options: DispatcherOptions;
  readonly #lanes: Record<WorkerKind, { busy: boolean; again: boolean; timer: (() => void) | undefined }> = {
    converter: { busy: false, again: false, timer: undefined },
    transcriber: { busy: false, again: false, timer: undefined },
  };
  #stopped = false;
  #strays: (() => void) | undefined;

  constructor(ledger: RunLedger, workers: Workers, options: DispatcherOptions) {
    this.#ledger = ledger;
    this.#workers = workers;
    this.#options = options;
  }

  start(): void {
    this.#strays = this.#options.clock.after(this.#options.strayMs ?? STRAY_MS, () => {
      for (const kind of WORKER_KINDS) {
        this.#workers.loads(kind).then(
          (loads) => this.#endStrays(loads),
          (error: unknown) => this.#options.log.warn({ err: error, kind }, 'workers could not be asked for stray runs'),
        );
      }
      if (!this.#stopped) this.start();
    });
    this.wake();
  }

  /** Something changed: look at both kinds of worker, each at its own pace. */
  wake(): void {
    for (const kind of WORKER_KINDS) this.#wakeLane(kind);
  }

  stop(): void {
    this.#stopped = true;
    this.#strays?.();
    for (const lane of Object.values(this.#lanes)) lane.timer?.();
  }

  #wakeLane(kind: WorkerKind): void {
    const lane = this.#lanes[kind];
    if (this.#stopped) return;
    if (lane.busy) {
      lane.again = true;
      return;
    }
    lane.busy = true;
    lane.timer?.();
    lane.timer = undefined;
    void this.#round(kind)
      .catch((error: unknown) => {
        // A full disk, most likely: what was not written did not happen, and is tried again in the next round.
        this.#options.log.warn({ err: error, kind }, 'runs could not be given to workers; trying again');
        return true;
      })
      .then((waiting) => {
        lane.busy = false;
        if (this.#stopped) return;
        if (lane.again) {
          lane.again = false;
          this.#wakeLane(kind);
        } else if (waiting) {
          lane.timer = this.#options.clock.after(this.#options.roundMs ?? ROUND_MS, () => this.#wakeLane(kind));
        }
      });
  }

  /** @returns whether something still waits */
  async #round(kind: WorkerKind): Promise<boolean> {
    if (this.#waiting(kind).length === 0) return false;
    const loads = await this.#workers.loads(kind);
    this.#endStrays(loads);
    const here = loads.filter((load) => load.elsewhere !== true);
    const workers = here.map((load) => ({ ...load, free: load.draining ? 0 : load.capacity - load.taken }));
    // Looked at anew: what was suspended while the workers answered is not given away.
    for (const { jobId, run } of this.#waiting(kind)) {
      if (this.#stopped) return false;
      const worker = choose(workers, run);
      if (worker === undefined) {
        await this.#explain({ jobId, run }, waitingFor(kind, here, loads));
        continue;
      }
      worker.free -= 1;
      if (!(await this.#place({ jobId, run }, worker))) worker.free = 0;
    }
    return this.#waiting(kind).length > 0;
  }

  #waiting(kind: WorkerKind): PendingRun[] {
    return this.#ledger.pending().filter(({ run }) => workerKindOf(run.key.stage) === kind);
  }

  /** @returns whether the worker may be given more */
  async #place(pending: PendingRun, worker: WorkerLoad): Promise<boolean> {
    const name = runName(pending.jobId, pending.run.key);
    this.#ledger.placing.add(name);
    try {
      return await this.#put(pending, worker);
    } finally {
      this.#ledger.placing.delete(name);
      this.#options.onPlaced?.(pending);
    }
  }

  async #put({ jobId, run }: PendingRun, { address, instance }: WorkerLoad): Promise<boolean> {
    // First on record, then put: a crash in between leaves a run that is asked for at this very worker.
    const placed = await this.#ledger.change(jobId, run.key, ({ waiting: _waiting, ...rest }) =>
      rest.stopRequested === true || rest.placement !== undefined
        ? rest
        : { ...rest, placement: { address, instance, confirmed: false } },
    );
    if (placed?.placement?.address !== address || placed.placement.confirmed) return true;
    const answer = await this.#workers.put(address, runName(jobId, run.key), placed.request);
    switch (answer.kind) {
      case 'status':
        await this.#ledger.change(jobId, run.key, (now) =>
          withStatus(
            { ...now, placement: { address, instance: answer.status.instance, confirmed: true } },
            answer.status,
            this.#time(),
          ),
        );
        return true;
      case 'rejected':
        await this.#ledger.change(jobId, run.key, (now) => ({
          ...now,
          state: 'failed',
          exitCode: 70,
          reason: 'Internal',
          message: `The worker at ${address} refused the run: ${answer.detail}`.slice(0, 1024),
          finishedAt: this.#time(),
        }));
        return true;
      case 'unreachable':
        // It may have arrived all the same: the watcher asks there, and puts it again if it did not.
        if (!answer.refused) return false;
        await this.#takeBack({ jobId, run });
        return false;
      case 'busy':
      case 'unknown':
        await this.#takeBack({ jobId, run });
        return false;
    }
  }

  async #takeBack({ jobId, run }: PendingRun): Promise<void> {
    await this.#ledger.change(jobId, run.key, ({ placement: _placement, ...rest }) => rest);
  }

  async #explain({ jobId, run }: PendingRun, waiting: Required<RunRecord>['waiting']): Promise<void> {
    if (run.waiting?.reason === waiting.reason && run.waiting.message === waiting.message) return;
    await this.#ledger.change(jobId, run.key, (now) => ({ ...now, waiting }));
  }

  /**
   * Ends runs of ours that are on record as ended: a worker that was away for so long that its run was given to another.
   * Tasks of anybody else are none of our business.
   */
  #endStrays(loads: readonly WorkerLoad[]): void {
    for (const { address, tasks } of loads) {
      for (const id of tasks) {
        const ours = parseRunName(id);
        if (ours === undefined || !this.#ledger.knows(ours.jobId)) continue;
        if (this.#ledger.isLive(ours.jobId, ours.key)) continue;
        this.#options.log.info({ task: id, address }, 'ending a run that was given up before');
        void this.#workers.cancel(address, id);
      }
    }
  }

  #time(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

/** Why a run waits, for people. */
function waitingFor(
  kind: WorkerKind,
  here: readonly WorkerLoad[],
  all: readonly WorkerLoad[],
): Required<RunRecord>['waiting'] {
  if (here.length > 0) {
    return { reason: 'WaitingForWorker', message: `Every ${kind} is busy; the job’s turn comes by itself.` };
  }
  const where = all.map((load) => load.address).join(', ');
  return {
    reason: 'WorkerUnreachable',
    message:
      all.length > 0
        ? `The ${kind} at ${where} does not have main’s media volume and would not find the file. Mount it there and start it again; the job goes on by itself.`
        : `No ${kind} can be reached. Nothing is lost: start one, and the job goes on by itself.`,
  };
}

/** The least loaded worker with room, away from those whose device failed this run, if there is another one. */
export function choose<T extends WorkerLoad & { free: number }>(workers: readonly T[], run: RunRecord): T | undefined {
  const free = workers.filter((worker) => worker.free > 0);
  const others = free.filter((worker) => !run.tally.avoidNodes.includes(worker.address));
  const load = (worker: T) => 1 - worker.free / Math.max(1, worker.capacity);
  return (others.length > 0 ? others : free).reduce<T | undefined>(
    (best, worker) => (best === undefined || load(worker) < load(best) ? worker : best),
    undefined,
  );
}
