/** Samples of a frame of the short-time spectrum, and how many bins that gives. */
export const FRAME = 256;
export const BINS = FRAME / 2 + 1;

/** Periodic Hann window. */
const WINDOW = Float64Array.from({ length: FRAME }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FRAME));
const COSINES = Float64Array.from({ length: FRAME / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / FRAME));
const SINES = Float64Array.from({ length: FRAME / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / FRAME));
const REVERSED = Uint8Array.from({ length: FRAME }, (_, n) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) if (n & (1 << bit)) reversed |= 128 >> bit;
  return reversed;
});

const real = new Float64Array(FRAME);
const imaginary = new Float64Array(FRAME);

/**
 * Magnitudes of the spectra of two frames: they go through one transform as real and imaginary part.
 * @param samples at least `second` + 256 of them
 */
export function magnitudes(
  samples: Float32Array,
  first: number,
  second: number,
  outFirst: Float32Array,
  outSecond: Float32Array,
): void {
  for (let n = 0; n < FRAME; n++) {
    const to = REVERSED[n] as number;
    const weight = WINDOW[n] as number;
    real[to] = weight * (samples[first + n] as number);
    imaginary[to] = weight * (samples[second + n] as number);
  }
  transform();
  for (let k = 0; k < BINS; k++) {
    const mirror = (FRAME - k) % FRAME;
    const a = real[k] as number;
    const b = imaginary[k] as number;
    const c = real[mirror] as number;
    const d = imaginary[mirror] as number;
    outFirst[k] = Math.sqrt((a + c) * (a + c) + (b - d) * (b - d)) / 2;
    outSecond[k] = Math.sqrt((b + d) * (b + d) + (c - a) * (c - a)) / 2;
  }
}

/** Cooley and Tukey's, in place, of what stands in bit-reversed order. */
function transform(): void {
  for (let size = 2; size <= FRAME; size *= 2) {
    const half = size / 2;
    const step = FRAME / size;
    for (let from = 0; from < FRAME; from += size) {
      for (let k = 0; k < half; k++) {
        const low = from + k;
        const high = low + half;
        const cosine = COSINES[k * step] as number;
        const sine = SINES[k * step] as number;
        const x = real[high] as number;
        const y = imaginary[high] as number;
        const turnedX = x * cosine - y * sine;
        const turnedY = x * sine + y * cosine;
        real[high] = (real[low] as number) - turnedX;
        imaginary[high] = (imaginary[low] as number) - turnedY;
        real[low] = (real[low] as number) + turnedX;
        imaginary[low] = (imaginary[low] as number) + turnedY;
      }
    }
  }
}
