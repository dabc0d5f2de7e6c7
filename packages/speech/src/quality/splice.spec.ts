import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aSegment } from '../../test/fixtures/a-segment.js';
import { splice } from './splice.js';

describe('words put in where there were none', () => {
  it('stand between those before and after', () => {
    const before = [aSegment(0, 'one two'), aSegment(9000, 'five six')];
    expect(splice(before, [aSegment(4000, 'three four')]).map((it) => it.text)).toEqual([
      'one two',
      'three four',
      'five six',
    ]);
  });

  it('divide a segment that goes on over the gap, with its own spaces and marks', () => {
    const words = [...aSegment(0, 'one, two.').words, ...aSegment(9000, 'Five six.').words];
    const whole = { ...aSegment(0, 'one, two. Five six.'), words, endMs: 9500 };
    const spliced = splice([whole], [aSegment(4000, 'three four')]);
    expect(spliced.map((it) => it.text)).toEqual(['one, two.', 'three four', 'Five six.']);
    expect(spliced.map((it) => [it.startMs, it.endMs])).toEqual([
      [0, 500],
      [4000, 4500],
      [9000, 9500],
    ]);
  });

  it('never replace a word that was there', () => {
    const before = [aSegment(0, 'one two three')];
    expect(splice(before, [aSegment(350, 'too tree four')]).map((it) => it.text)).toEqual(['one two three', 'four']);
  });

  it('are none when they say what stands beside the gap: it had only wrong times', () => {
    const before = [aSegment(9000, 'Every day she takes the early train.')];
    expect(splice(before, [aSegment(4000, 'Every day she takes an early train')])).toEqual(before);
    const after = [aSegment(0, 'Every day she takes the early train.')];
    expect(splice(after, [aSegment(4000, 'every day she takes the early train')])).toEqual(after);
  });

  it('may be the same few as beside the gap: people do say yes twice', () => {
    const before = [aSegment(9000, 'yes it is')];
    expect(splice(before, [aSegment(4000, 'yes it is')]).map((it) => it.text)).toEqual(['yes it is', 'yes it is']);
    const common = [aSegment(9000, 'and then the man went to the river')];
    expect(splice(common, [aSegment(4000, 'the sister of the teacher came and sat')])).toHaveLength(2);
  });

  it('keep all words of before, in order and without overlap, whatever is put in', () => {
    const heard = fc
      .array(fc.record({ gap: fc.integer({ min: 0, max: 4000 }), n: fc.integer({ min: 1, max: 6 }) }), { maxLength: 6 })
      .map((pieces) => {
        let at = 0;
        return pieces.map(({ gap, n }) => {
          const segment = aSegment(at + gap, Array.from({ length: n }, (_, i) => `w${at + i}`).join(' '));
          at = segment.endMs;
          return segment;
        });
      });
    fc.assert(
      fc.property(heard, heard, (before, again) => {
        const words = splice(before, again).flatMap((it) => it.words);
        for (const word of before.flatMap((it) => it.words)) expect(words).toContain(word);
        words.slice(1).forEach((word, i) => {
          expect(word.startMs).toBeGreaterThanOrEqual(words[i]?.endMs ?? 0);
        });
      }),
    );
  });
});
