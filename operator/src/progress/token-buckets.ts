import type { Clock } from '@mediajob/kube';

export interface TokenBucketsOptions {
  /** That may be taken at once. */
  readonly burst: number;
  /** That come back in a second. */
  readonly perSecond: number;
  readonly clock: Pick<Clock, 'monotonic'>;
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Beyond so many keys those are forgotten that are full again anyway. */
const PRUNE_ABOVE = 1_000;

/** How often each key may do something. */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #buckets = new Map<string, Bucket>();
  #pruneAbove = PRUNE_ABOVE;

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  /** Whether one is left, without taking it. */
  has(key: string): boolean {
    return this.#filled(key).tokens >= 1;
  }

  /** @returns false: none is left */
  take(key: string): boolean {
    const bucket = this.#filled(key);
    if (bucket.tokens < 1) return false;
    this.#buckets.set(key, { ...bucket, tokens: bucket.tokens - 1 });
    this.#prune();
    return true;
  }

  /** ms until there is one again. */
  waitMs(key: string): number {
    return Math.max(0, Math.ceil(((1 - this.#filled(key).tokens) / this.#options.perSecond) * 1000));
  }

  get size(): number {
    return this.#buckets.size;
  }

  #filled(key: string): Bucket {
    const { burst, perSecond, clock } = this.#options;
    const at = clock.monotonic();
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return { tokens: burst, at };
    return { tokens: Math.min(burst, bucket.tokens + ((at - bucket.at) / 1000) * perSecond), at };
  }

  #prune(): void {
    if (this.#buckets.size <= this.#pruneAbove) return;
    for (const key of this.#buckets.keys())
      if (this.#filled(key).tokens >= this.#options.burst) this.#buckets.delete(key);
    // Where all are in use, not again at each step.
    this.#pruneAbove = Math.max(PRUNE_ABOVE, this.#buckets.size * 2);
  }
}
