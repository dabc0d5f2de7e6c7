import { describe, expect, it } from 'vitest';
import { FFT_BINS, melFilters } from './mel-filters.js';

describe('the mel filter bank', () => {
  const filters = melFilters(80);
  const row = (band: number) => filters.slice(band * FFT_BINS, (band + 1) * FFT_BINS);

  it('begins with the values of the file that Whisper ships', () => {
    expect(filters).toHaveLength(80 * 201);
    expect(row(0)[0]).toBe(0);
    expect(row(0)[1]).toBeCloseTo(0.02486259, 8);
    expect(row(0)[2]).toBe(0);
    expect(row(1)[1]).toBeCloseTo(0.00199082, 8);
    expect(row(1)[2]).toBeCloseTo(0.02287177, 8);
    expect(row(2)[2]).toBeCloseTo(0.00398164, 8);
  });

  it('has one triangle a band, in rising order', () => {
    for (const bands of [80, 128]) {
      const all = melFilters(bands);
      let last = 0;
      for (let band = 0; band < bands; band++) {
        const values = [...all.slice(band * FFT_BINS, (band + 1) * FFT_BINS)];
        const peak = values.indexOf(Math.max(...values));
        expect(peak).toBeGreaterThanOrEqual(last);
        last = peak;
      }
    }
  });
});
