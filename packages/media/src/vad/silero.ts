import { Multiplier, type Place } from './multiply.js';
import { BINS, magnitudes } from './spectrum.js';
import { sileroWeights } from './weights.js';

/** Samples of 16 kHz between two probabilities: 32 ms. */
export const STEP = 512;
/** Samples before a step that it sees, too. */
const CONTEXT = 64;
/** Samples that the spectrum looks beyond the end; mirrored, since they are not there yet. */
const BEYOND = 64;
const SPECTRA = 4;
const HOP = 128;
/** Bins in rows of a multiple of four. */
const BIN_ROW = 132;
const HIDDEN = 128;

interface Layer {
  weights: Place;
  bias: Float32Array;
  rows: number;
  bytes: number;
}

/**
 * Silero's voice activity network (version 5, 16 kHz): how likely it is that somebody speaks, every 32 ms. A short-time
 * spectrum, four convolutions, an LSTM and one output, computed here and not by a runtime: the same numbers on every machine.
 */
export class Silero {
  readonly #memory = new Multiplier(1 << 20);
  readonly #layers: Layer[];
  readonly #output: Float32Array;
  readonly #outputBias: number;
  readonly #samples = new Float32Array(CONTEXT + STEP + BEYOND);
  /** Four spectra with an empty one at both ends. */
  readonly #spectra = this.#memory.place(BIN_ROW * (SPECTRA + 2));
  /** What the convolutions give, with room for empty neighbours. */
  readonly #first = this.#memory.place(128 * 5);
  readonly #second = this.#memory.place(64 * 2);
  readonly #third = this.#memory.place(64);
  /** What the LSTM reads: the last convolution, and what it said before. */
  readonly #input = this.#memory.place(HIDDEN * 2);
  readonly #gates = this.#memory.place(HIDDEN * 4);
  readonly #cell = new Float32Array(HIDDEN);

  constructor() {
    const { layers, output, outputBias } = sileroWeights();
    this.#layers = layers.map(({ rows, columns, weights, bias }) => {
      const { at, view } = this.#memory.place(rows * columns);
      view.set(weights);
      return { weights: at, bias, rows, bytes: columns * 4 };
    });
    this.#output = output;
    this.#outputBias = outputBias;
  }

  /**
   * How likely it is that somebody speaks in these samples, 0 to 1, given all that came before.
   * @param samples {@link STEP} of them, 16 bits, from `from`
   */
  next(samples: Int16Array, from: number): number {
    this.#take(samples, from);
    const row = (i: number) => this.#spectra.view.subarray(BIN_ROW * (i + 1), BIN_ROW * (i + 1) + BINS);
    magnitudes(this.#samples, 0, HOP, row(0), row(1));
    magnitudes(this.#samples, 2 * HOP, 3 * HOP, row(2), row(3));
    for (let i = 0; i < SPECTRA; i++) this.#layer(0, this.#spectra.at + 4 * BIN_ROW * i, this.#first, 128 * (i + 1));
    for (let i = 0; i < 2; i++) this.#layer(1, this.#first.at + 4 * 256 * i, this.#second, 64 * i);
    this.#layer(2, this.#second.at, this.#third, 0);
    this.#layer(3, this.#third.at, this.#input, 0);
    this.#remember();
    return this.#answer();
  }

  #take(samples: Int16Array, from: number): void {
    const all = this.#samples;
    all.copyWithin(0, STEP, STEP + CONTEXT);
    for (let i = 0; i < STEP; i++) all[CONTEXT + i] = (samples[from + i] as number) / 32_768;
    const last = CONTEXT + STEP - 1;
    for (let i = 1; i <= BEYOND; i++) all[last + i] = all[last - i] as number;
  }

  /** A convolution at one place is a product: its neighbours lie beside each other in memory. */
  #layer(index: number, from: Place, to: { at: Place; view: Float32Array }, offset: number): void {
    const { weights, bias, rows, bytes } = this.#layers[index] as Layer;
    this.#memory.multiply(weights, from, to.at + 4 * offset, rows, bytes);
    for (let i = 0; i < rows; i++)
      to.view[offset + i] = Math.max(0, (to.view[offset + i] as number) + (bias[i] as number));
  }

  #remember(): void {
    const { weights, bias, rows, bytes } = this.#layers[4] as Layer;
    this.#memory.multiply(weights, this.#input.at, this.#gates.at, rows, bytes);
    const gates = this.#gates.view;
    const said = this.#input.view;
    for (let i = 0; i < HIDDEN; i++) {
      const gate = (which: number) => (gates[HIDDEN * which + i] as number) + (bias[HIDDEN * which + i] as number);
      const cell = sigmoid(gate(1)) * (this.#cell[i] as number) + sigmoid(gate(0)) * Math.tanh(gate(2));
      this.#cell[i] = cell;
      said[HIDDEN + i] = sigmoid(gate(3)) * Math.tanh(cell);
    }
  }

  #answer(): number {
    let sum = this.#outputBias;
    for (let i = 0; i < HIDDEN; i++) {
      sum += Math.max(0, this.#input.view[HIDDEN + i] as number) * (this.#output[i] as number);
    }
    return sigmoid(sum);
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
