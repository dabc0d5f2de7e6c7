import { describe, expect, it } from 'vitest';
import { FLOAT_OF_HALF, halfOfFloat } from './half-float.js';

describe('half precision', () => {
  it('has the values of IEEE 754', () => {
    expect(FLOAT_OF_HALF[0x3c00]).toBe(1);
    expect(FLOAT_OF_HALF[0xc000]).toBe(-2);
    expect(FLOAT_OF_HALF[0x7bff]).toBe(65_504);
    expect(FLOAT_OF_HALF[0x0001]).toBe(2 ** -24);
    expect(FLOAT_OF_HALF[0x7c00]).toBe(Number.POSITIVE_INFINITY);
    expect(FLOAT_OF_HALF[0x7e00]).toBeNaN();
  });

  it('comes back from single precision as it was, every one of its numbers', () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const value = FLOAT_OF_HALF[bits] ?? 0;
      if (Number.isNaN(value)) expect(FLOAT_OF_HALF[halfOfFloat(value)]).toBeNaN();
      else if (halfOfFloat(value) !== bits)
        expect.fail(`${bits.toString(16)} became ${halfOfFloat(value).toString(16)}`);
    }
  });

  it('is the nearest one, and the even one of two', () => {
    const step = 2 ** -10;
    expect(halfOfFloat(1 + 0.5 * step)).toBe(0x3c00);
    expect(halfOfFloat(1 + 1.5 * step)).toBe(0x3c02);
    expect(halfOfFloat(1 + 0.51 * step)).toBe(0x3c01);
    expect(halfOfFloat(65_519)).toBe(0x7bff);
    expect(halfOfFloat(65_520)).toBe(0x7c00);
    expect(halfOfFloat(2 ** -25)).toBe(0);
    expect(halfOfFloat(2 ** -25 * 1.01)).toBe(1);
    expect(halfOfFloat(-(2 ** -30))).toBe(0x8000);
  });
});
