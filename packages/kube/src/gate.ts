import { onAbort } from './abort.js';

/** Lets so many in at a time; the others wait in order. */
export class Gate {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @param signal ends the wait
   * @returns to be called once, on leaving; undefined when the signal came first
   */
  async enter(signal?: AbortSignal): Promise<(() => void) | undefined> {
    if (this.#inside < this.#limit) this.#inside++;
    else if (!(await this.#wait(signal))) return undefined;
    return () => {
      // Who waits takes over the place, so that nobody slips in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside--;
      else next();
    };
  }

  #wait(signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const enter = () => {
        forget();
        resolve(true);
      };
      this.#waiting.push(enter);
      const forget = onAbort(signal, () => {
        const index = this.#waiting.indexOf(enter);
        if (index >= 0) this.#waiting.splice(index, 1);
        resolve(false);
      });
    });
  }
}
