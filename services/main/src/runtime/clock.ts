/** Time as the runtime sees it; tests move their own. */
export interface Clock {
  /** ms of the epoch */
  now(): number;
  /** Calls `work` once after `ms`. @returns takes it back */
  after(ms: number, work: () => void): () => void;
}

/** setTimeout() fires at once beyond this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, work) {
    // A timer for a far deadline fires early and looks again: decide() then says how long is left.
    const timer = setTimeout(work, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
