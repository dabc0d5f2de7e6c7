import { describe, expect, it } from 'vitest';
import { truncation } from './truncation.js';

describe('a file of which a part is missing', () => {
  it.each<[string, number | undefined, number]>([
    ['says nothing of its length', undefined, 1000],
    ['is whole', 60_000, 60_000],
    ['is longer than it says', 60_000, 7_200_000],
    ['lacks its last seconds', 12_000, 3_000],
    ['has more than half of what it says', 7_200_000, 3_700_000],
  ])('is taken when it %s', (_, declaredMs, thereMs) => {
    expect(truncation(declaredMs, thereMs)).toBeUndefined();
  });

  it('is refused when most is missing, with both lengths', () => {
    const refusal = truncation(7_200_000, 61_000);
    expect([refusal?.code, refusal?.problem]).toEqual(['unsupported-media', 'truncated']);
    expect(refusal?.message).toContain('should last 2:00:00, but the file ends after 0:01:01');
  });
});
