import type { Clock, Random } from '../../src/environment.js';

/** Something that may happen next. */
export interface Step {
  /** The process in which it happens; `server` for what happens at the API server. */
  readonly owner: string;
  /** For people: a trace of these tells what happened in a failing run. */
  readonly label: string;
  run(): void;
}

/** Where everything asynchronous goes. */
export interface Scheduler {
  /** @returns takes the step back, if it has not been done */
  post(step: Step): () => void;
}

/**
 * Which step is next, by its place in the list; there is at least one. Steps that may be done now come first, the
 * oldest of them at the beginning; the last one may be `advance`, which moves time to the next timer.
 */
export type Choice = (steps: readonly Step[]) => number;

/** The oldest; time stands still while there is anything else to do. */
export const inOrder: Choice = () => 0;

/**
 * Any of them, each as likely as the others; but time moves on, while there is something else to do, in so many of a
 * hundred steps only.
 */
export function atRandom(random: Random, percentAdvance = 5): Choice {
  return (steps) => {
    const last = steps.length - 1;
    const canAdvance = steps[last]?.label === ADVANCE;
    if (canAdvance && (last === 0 || random() * 100 < percentAdvance)) return last;
    return Math.floor(random() * (canAdvance ? last : steps.length));
  };
}

const ADVANCE = 'advance';

interface Timer {
  readonly at: number;
  readonly step: Step;
}

export interface SimulationOptions {
  /** Of all chance; a run with the same seed is the same run. 1 when left out. */
  readonly seed?: number;
  /** {@link atRandom} when left out. */
  readonly choose?: Choice;
  /** ms of the epoch at which it begins. */
  readonly start?: number;
}

/** A world that does one thing at a time, in an order that a seed or a test decides, with its own time. */
export class Simulation implements Scheduler {
  readonly random: Random;
  /** Labels of all steps so far. */
  readonly trace: string[] = [];
  choose: Choice;
  readonly #start: number;
  #now: number;
  readonly #posted = new Set<Step>();
  readonly #timers = new Set<Timer>();
  readonly #paused = new Set<string>();
  readonly #dead = new Set<string>();

  constructor(options: SimulationOptions = {}) {
    this.random = seeded(options.seed ?? 1);
    this.choose = options.choose ?? atRandom(this.random);
    this.#start = options.start ?? Date.parse('2026-01-01T00:00:00.000Z');
    this.#now = this.#start;
  }

  /** True time, in ms of the epoch. */
  get now(): number {
    return this.#now;
  }

  /** Steps and timers that are left. */
  get pending(): number {
    return this.#posted.size + this.#timers.size;
  }

  post(step: Step): () => void {
    if (this.#dead.has(step.owner)) return () => {};
    this.#posted.add(step);
    return () => this.#posted.delete(step);
  }

  /** A clock as a process has it, `offsetMs` off the true time and `rate` times as fast. */
  clock(owner: string, { offsetMs = 0, rate = 1 }: { offsetMs?: number; rate?: number } = {}): Clock {
    const elapsed = () => (this.#now - this.#start) * rate;
    return {
      now: () => Math.round(this.#start + offsetMs + elapsed()),
      monotonic: () => elapsed() + 1_000_000,
      after: (ms, call) => this.at(this.#now + Math.max(0, ms) / rate, owner, `timer of ${owner}`, call),
    };
  }

  /** Calls at a true time. */
  at(time: number, owner: string, label: string, call: () => void): () => void {
    if (this.#dead.has(owner)) return () => {};
    const timer = { at: time, step: { owner, label, run: call } };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Nothing happens in a process that is paused; what it sent before arrives all the same. */
  pause(owner: string): void {
    this.#paused.add(owner);
  }

  resume(owner: string): void {
    this.#paused.delete(owner);
  }

  /** Nothing will ever happen in this process again. A new one needs a new name. */
  kill(owner: string): void {
    this.#dead.add(owner);
    for (const step of this.#posted) if (step.owner === owner) this.#posted.delete(step);
    for (const timer of this.#timers) if (timer.step.owner === owner) this.#timers.delete(timer);
  }

  /**
   * Does one step and lets all promises settle.
   *
   * @returns false when there is nothing to do, now or later
   */
  async step(): Promise<boolean> {
    await settled();
    const next = this.#next();
    if (next === undefined) return false;
    this.trace.push(`${this.#now - this.#start} ms ${next.owner}: ${next.label}`);
    next.run();
    await settled();
    return true;
  }

  /**
   * Does steps until a condition holds or nothing is left to do.
   *
   * @returns whether the condition holds
   * @throws when it does not come to that within `maxSteps`: 100,000 when left out
   */
  async run(until: () => boolean = () => false, maxSteps = 100_000): Promise<boolean> {
    await settled();
    for (let steps = 0; !until(); steps++) {
      if (steps >= maxSteps) throw new Error(`still going on after ${maxSteps} steps; the last: ${this.trace.at(-1)}`);
      if (!(await this.step())) return until();
    }
    return true;
  }

  /** Does all that happens within so many ms of true time. */
  async runFor(ms: number, maxSteps?: number): Promise<void> {
    let over = false;
    const cancel = this.at(this.#now + ms, WORLD, 'end of the time given', () => {
      over = true;
    });
    await this.run(() => over, maxSteps);
    cancel();
  }

  #next(): Step | undefined {
    const awake = (step: Step) => !this.#paused.has(step.owner);
    const due = [...this.#timers].filter((it) => it.at <= this.#now && awake(it.step));
    const ready = [...this.#posted].filter(awake);
    const later = [...this.#timers].filter((it) => it.at > this.#now && awake(it.step));
    const soonest = later.reduce<Timer | undefined>((a, b) => (a === undefined || b.at < a.at ? b : a), undefined);
    const steps = [...ready, ...due.map((it) => it.step)];
    if (soonest !== undefined) steps.push({ owner: WORLD, label: ADVANCE, run: () => {} });
    const chosen = steps[steps.length === 0 ? 0 : this.choose(steps)];
    if (chosen === undefined) return undefined;
    if (soonest !== undefined && chosen.label === ADVANCE) {
      this.#now = soonest.at;
      this.#timers.delete(soonest);
      return soonest.step;
    }
    this.#posted.delete(chosen);
    for (const timer of due) if (timer.step === chosen) this.#timers.delete(timer);
    return chosen;
  }
}

const WORLD = 'world';

/** All promises that can settle without a step have settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The generator “mulberry32”: small, fast, and the same everywhere. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
