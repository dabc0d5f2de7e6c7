/** The last events of a simulation, for whoever has to understand why it failed. */
export class Story {
  readonly #lines: string[] = [];
  readonly #now: () => number;
  readonly #start: number;
  readonly #most: number;

  /** @param now true time in ms */
  constructor(now: () => number, most = 120) {
    this.#now = now;
    this.#start = now();
    this.#most = most;
  }

  tell(who: string, what: string): void {
    const seconds = ((this.#now() - this.#start) / 1000).toFixed(3);
    this.#lines.push(`${seconds.padStart(10)} s  ${who.padEnd(14)} ${what}`);
    if (this.#lines.length > 2 * this.#most) this.#lines.splice(0, this.#lines.length - this.#most);
  }

  get last(): readonly string[] {
    return this.#lines.slice(-this.#most);
  }
}
