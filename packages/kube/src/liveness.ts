import type { Clock } from './environment.js';

export interface EventLoopProbeOptions {
  readonly clock: Clock;
  /** Between beats, in ms; 1 s when left out. */
  readonly everyMs?: number;
  /** Half the duration of a Lease when left out (7.5 s): a loop that stands still longer cannot keep one. */
  readonly limitMs?: number;
}

/** Beats as long as the event loop moves. */
export class EventLoopProbe {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #limitMs: number;
  #beat: number;
  #cancel: () => void = () => {};

  constructor({ clock, everyMs = 1000, limitMs = 7500 }: EventLoopProbeOptions) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#limitMs = limitMs;
    this.#beat = clock.monotonic();
  }

  start(): void {
    this.#cancel();
    this.#beat = this.#clock.monotonic();
    this.#cancel = this.#clock.after(this.#everyMs, () => this.start());
  }

  stop(): void {
    this.#cancel();
    this.#cancel = () => {};
  }

  /** ms by which a beat is late now. */
  get lagMs(): number {
    return Math.max(0, this.#clock.monotonic() - this.#beat - this.#everyMs);
  }

  get moves(): boolean {
    return this.lagMs <= this.#limitMs;
  }
}
