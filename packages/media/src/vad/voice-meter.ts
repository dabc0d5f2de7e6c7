import { Silero, STEP } from './silero.js';

/** How likely it is that somebody speaks, over time. */
export interface VoiceMap {
  /** Length of a step in ms. */
  stepMs: number;
  /** For each step 0 (nobody) to 255 (somebody). */
  likely: Uint8Array;
}

/** Hz. */
export const VOICE_SAMPLE_RATE = 16_000;
const VOICE_STEP_MS = (1000 * STEP) / VOICE_SAMPLE_RATE;

/** Listens to samples of 16 kHz that come in pieces of any length. */
export class VoiceMeter {
  readonly #network = new Silero();
  readonly #likely: Uint8Array;
  readonly #held = new Int16Array(STEP);
  #heldSamples = 0;
  #step = 0;

  /** @param samples how many will come, at most */
  constructor(samples: number) {
    this.#likely = new Uint8Array(Math.ceil(samples / STEP));
  }

  push(samples: Int16Array): void {
    let at = 0;
    if (this.#heldSamples > 0) {
      at = Math.min(STEP - this.#heldSamples, samples.length);
      this.#held.set(samples.subarray(0, at), this.#heldSamples);
      this.#heldSamples += at;
      if (this.#heldSamples < STEP) return;
      this.#hear(this.#held, 0);
      this.#heldSamples = 0;
    }
    for (; at + STEP <= samples.length; at += STEP) this.#hear(samples, at);
    this.#held.set(samples.subarray(at));
    this.#heldSamples = samples.length - at;
  }

  finish(): VoiceMap {
    if (this.#heldSamples > 0) {
      this.#held.fill(0, this.#heldSamples);
      this.#hear(this.#held, 0);
      this.#heldSamples = 0;
    }
    return { stepMs: VOICE_STEP_MS, likely: this.#likely.subarray(0, this.#step) };
  }

  #hear(samples: Int16Array, from: number): void {
    this.#likely[this.#step++] = Math.round(255 * this.#network.next(samples, from));
  }
}
