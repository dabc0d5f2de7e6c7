import { Registry } from 'prom-client';
import { DelayHeap } from './delay-heap.js';
import type { Clock } from './environment.js';
import { type MeasuredQueue, QueueMetrics } from './queue-metrics.js';

/** Events are `normal`; what comes again without an event, such as a resync, is `low` and waits behind them all. */
export type Priority = 'normal' | 'low';

export interface QueueOptions {
  /** Label `name` of the metrics. */
  readonly name: string;
  readonly clock: Clock;
  readonly registry?: Registry;
  /** Pause in ms after the first failure of a key, doubled by each more; 5 when left out. */
  readonly baseDelayMs?: number;
  /** Longest such pause in ms; 1,000 s when left out. */
  readonly maxDelayMs?: number;
}

/** Longer timers of Node fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface DelayedKey {
  readonly key: string;
  readonly at: number;
  readonly priority: Priority;
}

/**
 * A work queue with client-go's semantics. A key waits at most once, however often it is added; it is never handed to
 * two workers at a time; when it is added while it is worked on, it waits again as soon as that is done. For each key
 * there is one time at which it comes next: the earliest that was asked for, at the highest priority asked for.
 */
export class WorkQueue implements MeasuredQueue {
  readonly name: string;
  readonly #clock: Clock;
  readonly #metrics: QueueMetrics;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #ready = new Map<string, Priority>();
  readonly #lines: Record<Priority, Line> = { normal: new Line(), low: new Line() };
  /** Since when a key waits. */
  readonly #addedAt = new Map<string, number>();
  /** Since when a key is worked on. */
  readonly #processing = new Map<string, number>();
  /** Added while it was worked on. */
  readonly #again = new Map<string, Priority>();
  readonly #delayed = new DelayHeap<DelayedKey>();
  readonly #failures = new Map<string, number>();
  readonly #getters: ((key: string | undefined) => void)[] = [];
  #timer: { at: number; cancel: () => void } | undefined;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(options: QueueOptions) {
    this.name = options.name;
    this.#clock = options.clock;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 1_000_000;
    this.#metrics = QueueMetrics.of(options.registry ?? new Registry());
    this.#metrics.show(this);
  }

  /** Keys that wait to be worked on now; those with a delay do not count. */
  get depth(): number {
    return this.#ready.size + this.#again.size;
  }

  /** Keys that are worked on now. */
  get active(): number {
    return this.#processing.size;
  }

  get isShutDown(): boolean {
    return this.#drained !== undefined;
  }

  runningMs(): number[] {
    const now = this.#clock.monotonic();
    return [...this.#processing.values()].map((since) => now - since);
  }

  add(key: string, priority: Priority = 'normal'): void {
    if (this.isShutDown) return;
    const delayed = this.#delayed.remove(key);
    this.#enqueue(key, higher(priority, delayed?.priority));
    this.#arm();
  }

  /** Adds a key in `delayMs` at the latest: an earlier time that was asked for stays. */
  addAfter(key: string, delayMs: number, priority: Priority = 'normal'): void {
    if (this.isShutDown || delayMs === Number.POSITIVE_INFINITY) return;
    if (!(delayMs > 0)) {
      this.add(key, priority);
    } else if (this.#waits(key)) {
      this.#enqueue(key, priority);
    } else {
      const known = this.#delayed.get(key);
      const at = Math.min(this.#clock.monotonic() + delayMs, known?.at ?? Number.POSITIVE_INFINITY);
      this.#delayed.set({ key, at, priority: higher(priority, known?.priority) });
      this.#arm();
    }
  }

  /**
   * Adds a key after a failure: 5 ms × 2ⁿ after the n-th since {@link forget}, up to the longest pause.
   *
   * @param atLeastMs a pause that the server asked for
   */
  addRateLimited(key: string, atLeastMs = 0): void {
    if (this.isShutDown) return;
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics.retries.inc({ name: this.name });
    this.addAfter(key, Math.max(atLeastMs, Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** failures)));
  }

  /** The next failure of this key is its first again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** Failures of a key since {@link forget}. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /**
   * Hands out the next key, as soon as there is one. Whoever got it must say {@link done}.
   *
   * @returns undefined when the queue is shut down and empty
   */
  get(): Promise<string | undefined> {
    if (this.#ready.size > 0) return Promise.resolve(this.#take());
    if (this.isShutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#getters.push(resolve));
  }

  done(key: string): void {
    const since = this.#processing.get(key);
    if (since === undefined) return;
    this.#processing.delete(key);
    this.#metrics.workSeconds.observe({ name: this.name }, (this.#clock.monotonic() - since) / 1000);
    const again = this.#again.get(key);
    if (again !== undefined) {
      this.#again.delete(key);
      this.#wait(key, again);
    }
    this.#checkDrained();
  }

  /**
   * From here on nothing can be added, and delayed keys are dropped: whoever comes next finds all that is to be done
   * by listing. Keys that wait are still handed out, unless they are discarded.
   *
   * @returns settles when no key waits or is worked on
   */
  shutDown(options: { readonly discard?: boolean } = {}): Promise<void> {
    this.#drained ??= Promise.withResolvers<void>();
    this.#delayed.clear();
    this.#arm();
    if (options.discard === true) {
      this.#ready.clear();
      this.#again.clear();
      this.#addedAt.clear();
    }
    if (this.#ready.size === 0) for (const getter of this.#getters.splice(0)) getter(undefined);
    this.#checkDrained();
    return this.#drained.promise;
  }

  #waits(key: string): boolean {
    return this.#ready.has(key) || this.#again.has(key);
  }

  #enqueue(key: string, priority: Priority): void {
    if (!this.#waits(key)) {
      this.#metrics.adds.inc({ name: this.name });
      this.#addedAt.set(key, this.#clock.monotonic());
    }
    if (this.#processing.has(key)) this.#again.set(key, higher(priority, this.#again.get(key)));
    else this.#wait(key, priority);
  }

  #wait(key: string, priority: Priority): void {
    const before = this.#ready.get(key);
    if (before === 'normal' || before === priority) return;
    this.#ready.set(key, priority);
    this.#lines[priority].push(key);
    const getter = this.#getters.shift();
    if (getter !== undefined) getter(this.#take());
  }

  /** Only when a key is ready. A key that changed lines is still in its old one, and skipped there. */
  #take(): string {
    for (const priority of ['normal', 'low'] as const) {
      for (let key = this.#lines[priority].shift(); key !== undefined; key = this.#lines[priority].shift()) {
        if (this.#ready.get(key) !== priority) continue;
        this.#ready.delete(key);
        const now = this.#clock.monotonic();
        this.#metrics.waitSeconds.observe({ name: this.name }, (now - (this.#addedAt.get(key) ?? now)) / 1000);
        this.#addedAt.delete(key);
        this.#processing.set(key, now);
        return key;
      }
    }
    throw new Error('a key is ready and in no line');
  }

  /** One timer, for the key that comes next. */
  #arm(): void {
    const next = this.#delayed.peek();
    if (next !== undefined && next.at === this.#timer?.at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (next === undefined) return;
    const wait = Math.ceil(Math.max(0, next.at - this.#clock.monotonic()));
    const cancel = this.#clock.after(Math.min(wait, MAX_TIMER_MS), () => {
      this.#timer = undefined;
      this.#release();
    });
    this.#timer = { at: next.at, cancel };
  }

  #release(): void {
    const now = this.#clock.monotonic();
    for (let next = this.#delayed.peek(); next !== undefined && next.at <= now; next = this.#delayed.peek()) {
      this.#delayed.remove(next.key);
      this.#enqueue(next.key, next.priority);
    }
    this.#arm();
  }

  #checkDrained(): void {
    if (this.#drained === undefined || this.depth > 0 || this.#processing.size > 0) return;
    this.#metrics.queues.delete(this);
    this.#drained.resolve();
  }
}

function higher(one: Priority, other: Priority | undefined): Priority {
  return one === 'normal' || other === 'normal' ? 'normal' : 'low';
}

/** First in, first out, without moving the rest at each step. */
class Line {
  #keys: string[] = [];
  #head = 0;

  push(key: string): void {
    this.#keys.push(key);
  }

  shift(): string | undefined {
    const key = this.#keys[this.#head];
    if (key === undefined) return undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#keys.length) {
      this.#keys = this.#keys.slice(this.#head);
      this.#head = 0;
    }
    return key;
  }
}
