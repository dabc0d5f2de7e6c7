import type { Random } from './environment.js';

/** Pauses between failures: from 0.8 s on they double up to 30 s, each with up to as much again by chance (client-go). */
export class Backoff {
  readonly #random: Random;
  readonly #firstMs: number;
  readonly #longestMs: number;
  #failures = 0;

  constructor(random: Random, firstMs = 800, longestMs = 30_000) {
    this.#random = random;
    this.#firstMs = firstMs;
    this.#longestMs = longestMs;
  }

  /** ms until the next try. */
  next(): number {
    const ms = Math.min(this.#longestMs, this.#firstMs * 2 ** this.#failures);
    if (ms < this.#longestMs) this.#failures++;
    return Math.min(this.#longestMs, ms * (1 + this.#random()));
  }

  reset(): void {
    this.#failures = 0;
  }
}
