import { shardChunks } from '@mediajob/contract';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shardCount } from './shards.js';

it('shards cover the chunks in order, each at most as long as asked for, and none is empty', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 100 }), (chunks, each) => {
      const count = shardCount(chunks, each);
      fc.pre(count < 10_000);
      let next = 0;
      for (let shard = 0; shard < count; shard++) {
        const { from, to } = shardChunks(shard, count, chunks);
        expect(from).toBe(next);
        expect(to - from).toBeGreaterThan(0);
        expect(to - from).toBeLessThanOrEqual(each);
        next = to;
      }
      expect(next).toBe(chunks);
    }),
    { numRuns: 50 },
  );
});

it('silence has no shard, and the longest plan stays within the names that there are', () => {
  expect(shardCount(0, 6)).toBe(0);
  expect(shardCount(1_000_000, 1)).toBe(10_000);
});
