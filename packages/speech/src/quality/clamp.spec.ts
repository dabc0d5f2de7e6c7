import type { Window } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aSegment } from '../../test/fixtures/a-segment.js';
import { clampToSpeech } from './clamp.js';

const spoken = (...spans: [number, number][]): Window[] => spans.map(([startMs, endMs]) => ({ startMs, endMs }));
const oneWord = (startMs: number, endMs: number) => {
  const segment = aSegment(startMs, 'And');
  return { ...segment, endMs, words: segment.words.map((it) => ({ ...it, startMs, endMs })) };
};

describe('a word', () => {
  it.each<[string, [number, number], Window[], [number, number]]>([
    [
      'that begins in the music before its speech begins with the speech',
      [4000, 9300],
      spoken([9000, 12_000]),
      [9000, 9300],
    ],
    [
      'that lasts into the music behind its speech ends with the speech',
      [4000, 9300],
      spoken([3000, 4500]),
      [4000, 4500],
    ],
    ['inside of speech stays', [9100, 9300], spoken([9000, 12_000]), [9100, 9300]],
    ['over a pause stays', [1000, 3000], spoken([500, 1500], [2500, 4000]), [1000, 3000]],
    ['without any speech stays', [4000, 5000], spoken([9000, 12_000]), [4000, 5000]],
    ['of which nothing would be left stays', [4000, 9040], spoken([9000, 12_000]), [4000, 9040]],
  ])('%s', (_, [startMs, endMs], around, want) => {
    const { words, ...segment } = clampToSpeech(oneWord(startMs, endMs), around);
    expect([words[0]?.startMs, words[0]?.endMs]).toEqual(want);
    expect([segment.startMs, segment.endMs]).toEqual(want);
  });

  it('never grows, never vanishes and never changes places, whatever the map', () => {
    const map = fc
      .uniqueArray(fc.integer({ min: 0, max: 8000 }), { maxLength: 12 })
      .map((times) => times.sort((a, b) => a - b))
      .map((times) => times.flatMap((at, i) => (i % 2 === 1 ? [{ startMs: times[i - 1] as number, endMs: at }] : [])));
    fc.assert(
      fc.property(map, fc.integer({ min: 1, max: 20 }), (around, n) => {
        const segment = aSegment(500, Array.from({ length: n }, (_, i) => `w${i}`).join(' '));
        const { words } = clampToSpeech(segment, around);
        expect(words.map((it) => it.text)).toEqual(segment.words.map((it) => it.text));
        words.forEach((word, i) => {
          expect(word.startMs).toBeGreaterThanOrEqual(segment.words[i]?.startMs ?? 0);
          expect(word.endMs).toBeLessThanOrEqual(segment.words[i]?.endMs ?? 0);
          expect(word.endMs).toBeGreaterThan(word.startMs);
        });
      }),
    );
  });
});
