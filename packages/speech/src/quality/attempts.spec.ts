import type { Quality } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { decodingOptions } from '../engine/decoding-options.js';
import { attemptsAt } from './attempts.js';
import type { Doubt } from './review.js';

const window = { startMs: 60_000, endMs: 90_000 };
const speech = [
  { startMs: 60_300, endMs: 72_000 },
  { startMs: 73_000, endMs: 80_000 },
  { startMs: 80_200, endMs: 89_800 },
];
const at = (doubts: Doubt[], quality: Quality, omissions: { startMs: number; endMs: number }[] = []) =>
  attemptsAt(doubts, { quality, options: decodingOptions(quality), window, omissions, speech });

describe('further attempts at a doubtful window', () => {
  it.each<[Quality, Doubt[], string[]]>([
    ['fast', ['repetition'], []],
    ['balanced', ['repetition'], ['beams', 'halves']],
    ['balanced', ['no-sound'], ['beams', 'halves']],
    ['balanced', ['low-confidence'], ['beams']],
    ['balanced', ['low-confidence', 'language'], ['beams', 'halves']],
    ['best', ['no-speech', 'low-confidence'], ['halves']],
    ['best', ['repetition'], ['halves']],
    ['best', ['no-sound'], ['halves', 'warm']],
  ])('at quality %s for %j are %j', (quality, doubts, want) => {
    expect(at(doubts, quality).map((it) => it.name)).toEqual(want);
  });

  it('begin with what has no words, each stretch with some room and inside the window', () => {
    const attempts = at(['omission'], 'balanced', [
      { startMs: 60_300, endMs: 64_000 },
      { startMs: 85_000, endMs: 89_800 },
    ]);
    expect(attempts.map((it) => it.name)).toEqual(['gaps', 'beams']);
    expect(attempts[0]?.windows).toEqual([
      { startMs: 60_000, endMs: 64_400 },
      { startMs: 84_600, endMs: 90_000 },
    ]);
  });

  it('leave the stretch alone when it is the whole window', () => {
    const attempts = at(['omission'], 'balanced', [{ startMs: 60_300, endMs: 89_800 }]);
    expect(attempts.map((it) => it.name)).toEqual(['beams', 'halves']);
  });

  it('cut a window in the middle of its longest pause', () => {
    const halves = at(['repetition'], 'best').find((it) => it.name === 'halves');
    expect(halves?.windows).toEqual([
      { startMs: 60_000, endMs: 72_500 },
      { startMs: 72_500, endMs: 90_000 },
    ]);
  });
});
