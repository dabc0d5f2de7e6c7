import { STAGES } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobName } from './job-name.js';

const UID = '11111111-2222-4333-8444-555555555555';
const key = (stage: (typeof STAGES)[number], change = {}) => ({ stage, shard: 0, attempt: 1, try: 1, ...change });
const nameOf = (stage: (typeof STAGES)[number], change = {}) => jobName({ name: 'talk', uid: UID }, key(stage, change));

describe('names of Jobs', () => {
  it.each([
    ['a first try is named by stage and attempt', nameOf('convert'), 'talk-convert-1'],
    ['all first tries of shards share one Indexed Job', nameOf('transcribe', { shard: 7 }), 'talk-transcribe-1'],
    ['a shard that is tried again has its own', nameOf('transcribe', { shard: 7, try: 2 }), 'talk-transcribe-1-7-2'],
    ['a later try of a stage without shards', nameOf('render', { attempt: 2, try: 3 }), 'talk-render-2-0-3'],
    ['cleanup carries the UID', nameOf('cleanup', { try: 2 }), 'talk-cleanup-11111111-2'],
  ])('%s', (_, name, want) => expect(name).toBe(want));

  it('are DNS labels, and two runs never share one unless they share the Indexed Job', () => {
    const run = fc.record({
      stage: fc.constantFrom(...STAGES),
      shard: fc.nat({ max: 9999 }),
      attempt: fc.integer({ min: 1, max: 100_000 }),
      try: fc.integer({ min: 1, max: 100_000 }),
    });
    const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/);
    fc.assert(
      fc.property(name, run, run, (mediaJob, a, b) => {
        const [first, second] = [a, b].map((it) => jobName({ name: mediaJob, uid: UID }, it));
        expect(first).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
        const same =
          a.stage === b.stage &&
          a.try === b.try &&
          (a.stage === 'cleanup' || (a.attempt === b.attempt && (a.try === 1 || a.shard === b.shard)));
        expect(first === second).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it('keep two long names apart', () => {
    const long = (end: string) =>
      jobName(
        { name: `${'a'.repeat(39)}${end}`, uid: UID },
        key('transcribe', { shard: 9999, attempt: 12_345, try: 678 }),
      );
    expect(long('b')).toHaveLength(63);
    expect(long('b')).not.toBe(long('c'));
  });
});
