const WINDOW_MS = 8_000;

/** Speed of a transfer over the last seconds: steady enough to read, quick enough to be true. */
export class SpeedMeter {
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  /** @param at in ms, @param bytes sent so far */
  add(at: number, bytes: number): void {
    const last = this.#samples.at(-1);
    // Fewer bytes than before: a part was sent again. What was measured until then no longer counts.
    if (last !== undefined && bytes < last.bytes) this.#samples = [];
    this.#samples.push({ at, bytes });
    const from = at - WINDOW_MS;
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) < from) this.#samples.shift();
  }

  reset(): void {
    this.#samples = [];
  }

  /** Bytes a second; undefined until there is something to tell. */
  get bytesPerSecond(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < 500) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  }
}
