import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Multiplier } from './multiply.js';
import { Silero, STEP } from './silero.js';
import { BINS, FRAME, magnitudes } from './spectrum.js';
import { VoiceMeter } from './voice-meter.js';

const few = fc.float({ min: -4, max: 4, noNaN: true });

describe('a product of a matrix and a vector', () => {
  it('is that of plain arithmetic, for every size', () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(sizes, fc.array(few, { minLength: 20, maxLength: 20 }), ([r, c], numbers) => {
        const [rows, columns] = [4 * r, 4 * c];
        const memory = new Multiplier(1 << 16);
        const w = memory.place(rows * columns);
        const x = memory.place(columns);
        const out = memory.place(rows);
        w.view.forEach((_, i) => {
          w.view[i] = numbers[(7 * i) % numbers.length] as number;
        });
        x.view.forEach((_, i) => {
          x.view[i] = numbers[(3 * i) % numbers.length] as number;
        });
        memory.multiply(w.at, x.at, out.at, rows, columns * 4);
        for (let row = 0; row < rows; row++) {
          let sum = 0;
          for (let i = 0; i < columns; i++) sum += (w.view[row * columns + i] as number) * (x.view[i] as number);
          expect(out.view[row]).toBeCloseTo(sum, 2);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('has room for as much as was said, however much that is', () => {
    const memory = new Multiplier(1 << 20);
    const { view } = memory.place((1 << 18) - 4);
    view.fill(1);
    expect(view.at(-1)).toBe(1);
  });
});

describe('spectra of two frames', () => {
  it('are those of the definition', () => {
    const samples = Float32Array.from({ length: 512 }, (_, n) => Math.sin(n / 7) + ((n * 7919) % 101) / 101 - 0.5);
    const [first, second] = [new Float32Array(BINS), new Float32Array(BINS)];
    magnitudes(samples, 0, 128, first, second);
    const bin = (from: number, k: number) => {
      let [re, im] = [0, 0];
      for (let n = 0; n < FRAME; n++) {
        const value = (samples[from + n] as number) * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / FRAME));
        re += value * Math.cos((2 * Math.PI * k * n) / FRAME);
        im -= value * Math.sin((2 * Math.PI * k * n) / FRAME);
      }
      return Math.hypot(re, im);
    };
    for (const k of [0, 1, 2, 31, 64, 127, 128]) {
      expect(first[k]).toBeCloseTo(bin(0, k), 4);
      expect(second[k]).toBeCloseTo(bin(128, k), 4);
    }
  });
});

/** Something like vowels: formants that wander over a voice of 120 Hz, in syllables. */
function babble(steps: number): Int16Array {
  return Int16Array.from({ length: STEP * steps }, (_, i) => {
    const t = i / 16_000;
    const pitch = 120 + 15 * Math.sin(2 * Math.PI * 3 * t);
    let value = 0;
    for (let k = 1; k <= 24; k++) {
      const f = pitch * k;
      const gain =
        Math.exp(-(((f - 600 - 300 * Math.sin(2 * Math.PI * 2 * t)) / 250) ** 2)) +
        0.6 * Math.exp(-(((f - 1400 + 400 * Math.sin(2 * Math.PI * 1.3 * t)) / 300) ** 2)) +
        0.2 * Math.exp(-(((f - 2600) / 400) ** 2));
      value += gain * Math.sin(2 * Math.PI * k * (120 * t - (15 / (2 * Math.PI * 3)) * Math.cos(2 * Math.PI * 3 * t)));
    }
    return Math.round(6000 * Math.max(0, Math.sin(2 * Math.PI * 2.2 * t)) ** 0.5 * value);
  });
}

/** By onnxruntime-node 1.30.0 with the weights as they are published, in 32 bits. */
const BY_ONNXRUNTIME = [
  0.549, 0.764, 0.464, 0.276, 0.152, 0.167, 0.728, 0.127, 0.188, 0.086, 0.035, 0.019, 0.013, 0.013, 0.803, 0.708, 0.726,
  0.933, 0.884, 0.928, 0.748, 0.773, 0.507, 0.173, 0.041, 0.015, 0.008, 0.006, 0.135, 0.326, 0.065, 0.079, 0.13, 0.127,
  0.218, 0.382, 0.149, 0.053, 0.026, 0.013,
];

describe('the network', () => {
  it('says what it says in its own runtime', () => {
    const network = new Silero();
    const samples = babble(BY_ONNXRUNTIME.length);
    BY_ONNXRUNTIME.forEach((wanted, step) => {
      expect(Math.abs(network.next(samples, STEP * step) - wanted)).toBeLessThan(0.02);
    });
  });

  it('hears the same in pieces of any length', () => {
    const samples = babble(6).subarray(0, 6 * STEP - 100);
    const whole = new VoiceMeter(samples.length);
    whole.push(samples);
    const { likely } = whole.finish();
    expect(likely).toHaveLength(6);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 8 }), (lengths) => {
        const meter = new VoiceMeter(samples.length);
        let at = 0;
        for (let i = 0; at < samples.length; i++) {
          const length = lengths[i % lengths.length] as number;
          meter.push(samples.subarray(at, at + length));
          at += length;
        }
        expect(meter.finish()).toEqual({ stepMs: 32, likely });
      }),
      { numRuns: 20 },
    );
  });

  it('hears nobody in silence', () => {
    const meter = new VoiceMeter(STEP * 10);
    meter.push(new Int16Array(STEP * 10));
    expect(Math.max(...meter.finish().likely)).toBeLessThan(128);
  });
});
