import { expect, it } from 'vitest';
import { ManualClock } from '../../../packages/kube/test/manual-clock.js';
import { TokenBuckets } from './token-buckets.js';

function someBuckets() {
  const clock = new ManualClock();
  return { clock, buckets: new TokenBuckets({ burst: 3, perSecond: 2, clock }) };
}

const takeAll = (buckets: TokenBuckets, key: string) => {
  let taken = 0;
  while (buckets.take(key)) taken += 1;
  return taken;
};

it('a key has its burst, and then what comes back in time, never more than the burst', async () => {
  const { clock, buckets } = someBuckets();
  expect(takeAll(buckets, 'a')).toBe(3);
  expect({ has: buckets.has('a'), waitMs: buckets.waitMs('a') }).toEqual({ has: false, waitMs: 500 });
  await clock.advance(499);
  expect(buckets.take('a')).toBe(false);
  await clock.advance(1);
  expect(takeAll(buckets, 'a')).toBe(1);
  await clock.advance(3_600_000);
  expect(takeAll(buckets, 'a')).toBe(3);
});

it('each key has its own', () => {
  const { buckets } = someBuckets();
  takeAll(buckets, 'a');
  expect({ has: buckets.has('b'), waitMs: buckets.waitMs('b'), taken: takeAll(buckets, 'b') }).toEqual({
    has: true,
    waitMs: 0,
    taken: 3,
  });
});

it('keys that are full again are forgotten: a flood of new ones does not stay in memory', async () => {
  const { clock, buckets } = someBuckets();
  for (let n = 0; n < 10_000; n++) {
    buckets.take(`key-${n}`);
    if (n % 100 === 0) await clock.advance(1_000);
  }
  expect(buckets.size).toBeLessThan(2_500);
});
