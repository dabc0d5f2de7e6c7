import { onAbort } from './abort.js';
import { aborted, timedOut, unreachable } from './answer.js';
import type { Clock } from './environment.js';
import { KubeApiError } from './error.js';

/**
 * One request on its way: ended by the caller's signal or by a limit of time, whichever comes first. It leaves nothing
 * behind on the caller's signal, which may live as long as the process.
 */
export class Attempt {
  readonly #request: string;
  readonly #clock: Clock;
  readonly #caller: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #forget: () => void;
  #late: string | undefined;
  #cancelTimer = () => {};

  constructor(request: string, clock: Clock, caller: AbortSignal | undefined) {
    this.#request = request;
    this.#clock = clock;
    this.#caller = caller;
    this.#forget = onAbort(caller, () => this.#controller.abort());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on; takes the place of the limit before. */
  limit(ms: number, words: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.after(ms, () => {
      this.#late = words;
      this.#controller.abort();
    });
  }

  /** What an error of the network means here. */
  failure(cause: unknown): KubeApiError {
    if (cause instanceof KubeApiError) return cause;
    if (this.#caller?.aborted === true) return aborted(this.#request, this.#caller);
    if (this.#late !== undefined) return timedOut(this.#request, this.#late);
    return unreachable(this.#request, cause);
  }

  end(): void {
    this.#cancelTimer();
    this.#forget();
  }
}
