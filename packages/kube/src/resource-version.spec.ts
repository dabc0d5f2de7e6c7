import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, isNewer } from './resource-version.js';

describe('resource versions', () => {
  it('are compared as whole numbers of any length', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 80n }), fc.bigInt({ min: 0n, max: 2n ** 80n }), (a, b) => {
        expect(compareVersions(`${a}`, `${b}`)).toBe(a === b ? 0 : a < b ? -1 : 1);
      }),
    );
  });

  it.each(['', 'abc', '-1', '1.5', '007', ' 7', '0x10'])('cannot be compared when one is “%s”', (odd) => {
    expect(compareVersions(odd, '7')).toBeUndefined();
    expect(compareVersions('7', odd)).toBeUndefined();
    expect(isNewer(odd, '7')).toBe(false);
    expect(isNewer('7', odd)).toBe(false);
    expect(compareVersions(odd, odd)).toBe(0);
  });
});
