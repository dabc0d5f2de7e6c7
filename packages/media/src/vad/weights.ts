import { WEIGHTS } from './weights-data.js';

/** A matrix by rows, and what is added to each product. */
export interface LayerWeights {
  rows: number;
  /** A multiple of four: rows are filled up with zeros. */
  columns: number;
  weights: Float32Array;
  bias: Float32Array;
}

export interface SileroWeights {
  /** Four convolutions, by output, tap and input; then the LSTM's gates i, f, g, o for [input, state]. */
  layers: LayerWeights[];
  output: Float32Array;
  outputBias: number;
}

/** Rows, then pieces of a row, and to what length each piece is filled up. */
const SHAPES = [
  [128, 3, 129, 132],
  [64, 3, 128, 128],
  [64, 2, 64, 64],
  [128, 1, 64, 64],
  [512, 1, 256, 256],
] as const;

export function sileroWeights(): SileroWeights {
  const bytes = Buffer.from(WEIGHTS, 'base64');
  let at = 0;
  const next = () => floatOf(bytes.readUInt16LE(2 * at++));
  const layers = SHAPES.map(([rows, pieces, length, filled]) => {
    const columns = pieces * filled;
    const weights = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++) {
      for (let piece = 0; piece < pieces; piece++) {
        const from = row * columns + piece * filled;
        for (let i = 0; i < length; i++) weights[from + i] = next();
      }
    }
    return { rows, columns, weights, bias: Float32Array.from({ length: rows }, next) };
  });
  return { layers, output: Float32Array.from({ length: 128 }, next), outputBias: next() };
}

/** A 16-bit float. */
function floatOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}
