import { ProblemError } from './problem.js';

/** Lets a few requests at a time through to something costly; some more wait their turn, the rest come again later. */
export class Gate {
  readonly #limit: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(options: { limit: number; maxWaiting: number }) {
    this.#limit = options.limit;
    this.#maxWaiting = options.maxWaiting;
  }

  /**
   * @throws ProblemError busy when too many wait already; the signal's reason when it was aborted while waiting
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#inside--;
      this.#waiting.shift()?.();
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#inside < this.#limit && this.#waiting.length === 0) {
      this.#inside++;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new ProblemError(
        'busy',
        `${this.#waiting.length} requests like this one wait already. Try again shortly.`,
        {
          headers: { 'retry-after': '5' },
        },
      );
    }
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal?.removeEventListener('abort', leave);
        this.#inside++;
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(turn);
    });
  }
}
