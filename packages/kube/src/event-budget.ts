import type { Clock } from './environment.js';

/** client-go's spam filter: an object may have so many events at once … */
const BURST = 25;
/** … and then one in so many ms. */
const REFILL_MS = 300_000;
/** Objects that are remembered; of more, the one that had no event for the longest time begins anew. */
const MAX_OBJECTS = 4096;

/** One token bucket an object. */
export class EventBudget {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one token of this object, if there is one. */
  spend(uid: string): boolean {
    const now = this.#clock.monotonic();
    const before = this.#buckets.get(uid) ?? { tokens: BURST, at: now };
    const tokens = Math.min(BURST, before.tokens + (now - before.at) / REFILL_MS);
    const enough = tokens >= 1;
    // Moves it to the end, so that the first one is the one that was asked for the longest time ago.
    this.#buckets.delete(uid);
    this.#buckets.set(uid, { tokens: enough ? tokens - 1 : tokens, at: now });
    if (this.#buckets.size > MAX_OBJECTS) this.#buckets.delete(this.#buckets.keys().next().value as string);
    return enough;
  }
}
