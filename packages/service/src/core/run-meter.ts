import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Usage } from '@mediajob/contract';
import { type ProcessSample, readProcess, readProcessTree } from './process-tree.js';

/** One run being measured. */
interface Run {
  cpuSeconds: number;
  maxRssBytes: number;
}

/** A process that a run started itself, with all that came of it. */
interface OwnChild {
  run: Run;
  /** CPU already counted by samples. */
  countedSeconds: number;
}

const SAMPLE_MS = 500;
/** Whoever asks gets nothing older: a run may be over before the first sample is due. */
const FRESH_MS = 50;

/**
 * CPU time and largest memory of each run with its children.
 *
 * A child belongs to the run in whose asynchronous context it was started (Node tells of each on the channel
 * `child_process`); what is shared (this process, a warm engine) is divided among the runs of the moment.
 * Works by sampling /proc; where there is none, usage is undefined.
 */
export class RunMeter {
  readonly #current = new AsyncLocalStorage<Run | undefined>();
  readonly #active = new Set<Run>();
  readonly #ownChildren = new Map<number, OwnChild>();
  readonly #sampleMs: number;
  #lastSeconds = new Map<string, number>();
  #reapedSeconds = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic ms. */
  #sampledAt = 0;

  constructor(options: { sampleMs?: number } = {}) {
    this.#sampleMs = options.sampleMs ?? SAMPLE_MS;
    subscribe('child_process', this.#onChild);
  }

  /** Measures what `work` and the children that it starts use, until it settles. `usage()` may be asked meanwhile. */
  async measure<T>(work: (usage: () => Usage | undefined) => Promise<T>): Promise<T> {
    const run: Run = { cpuSeconds: 0, maxRssBytes: 0 };
    if (this.#active.size === 0) this.#baseline();
    else this.#sample();
    this.#active.add(run);
    this.#timer ??= setInterval(() => this.#sample(), this.#sampleMs).unref();
    const usage = () => {
      if (this.#active.has(run) && performance.now() - this.#sampledAt >= FRESH_MS) this.#sample();
      return run.maxRssBytes === 0 ? undefined : { ...run };
    };
    try {
      return await this.#current.run(run, () => work(usage));
    } finally {
      this.#sample();
      this.#active.delete(run);
      for (const [pid, child] of this.#ownChildren) if (child.run === run) this.#ownChildren.delete(pid);
      if (this.#active.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    }
  }

  /** Starts something that outlives the present run, such as an engine: its use is shared by the runs of the moment. */
  asShared<T>(fn: () => T): T {
    return this.#current.run(undefined, fn);
  }

  close(): void {
    unsubscribe('child_process', this.#onChild);
    clearInterval(this.#timer);
  }

  readonly #onChild = (message: unknown): void => {
    const run = this.#current.getStore();
    if (run === undefined) return;
    const { process: child } = message as { process: ChildProcess };
    child.once('spawn', () => {
      if (child.pid !== undefined && this.#active.has(run))
        this.#ownChildren.set(child.pid, { run, countedSeconds: 0 });
    });
    child.once('exit', () => {
      if (child.pid !== undefined) this.#onExit(child.pid);
    });
  };

  /** What a child used after its last sample is in our own "waited-for children" counter, by its growth. */
  #onExit(pid: number): void {
    const own = this.#ownChildren.get(pid);
    const reaped = readProcess(process.pid)?.reapedCpuSeconds;
    if (reaped === undefined) return;
    const grown = reaped - this.#reapedSeconds;
    this.#reapedSeconds = reaped;
    if (own === undefined) return;
    this.#ownChildren.delete(pid);
    own.run.cpuSeconds += Math.max(0, grown - own.countedSeconds);
  }

  #baseline(): void {
    this.#sampledAt = Number.NEGATIVE_INFINITY;
    const tree = readProcessTree(process.pid);
    this.#lastSeconds = new Map(tree.map((it) => [keyOf(it), it.cpuSeconds]));
    this.#reapedSeconds = tree[0]?.reapedCpuSeconds ?? 0;
  }

  #sample(): void {
    this.#sampledAt = performance.now();
    const tree = readProcessTree(process.pid);
    const seconds = new Map<string, number>();
    const ownerOf = new Map<number, OwnChild>();
    const rss = new Map<Run, number>();
    let sharedSeconds = 0;
    let sharedRss = 0;
    // Parents come before their children, so a child finds the owner of its parent.
    for (const it of tree) {
      const key = keyOf(it);
      seconds.set(key, it.cpuSeconds);
      const grown = it.cpuSeconds - (this.#lastSeconds.get(key) ?? 0);
      const owner = this.#ownChildren.get(it.pid) ?? ownerOf.get(it.parentPid);
      if (owner === undefined) {
        sharedSeconds += grown;
        sharedRss += it.rssBytes;
      } else {
        ownerOf.set(it.pid, owner);
        owner.countedSeconds += grown;
        owner.run.cpuSeconds += grown;
        rss.set(owner.run, (rss.get(owner.run) ?? 0) + it.peakRssBytes);
      }
    }
    this.#lastSeconds = seconds;
    if (tree.length === 0) return;
    for (const run of this.#active) {
      run.cpuSeconds += sharedSeconds / this.#active.size;
      run.maxRssBytes = Math.max(run.maxRssBytes, sharedRss + (rss.get(run) ?? 0));
    }
  }
}

function keyOf(sample: ProcessSample): string {
  return `${sample.pid}/${sample.startTicks}`;
}
