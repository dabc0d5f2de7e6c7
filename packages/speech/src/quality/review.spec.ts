import type { Segment, Window } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aSegment, wordsFrom } from '../../test/fixtures/a-segment.js';
import { type Evidence, isBetter, type Review, reviewWindow } from './review.js';

const window: Window = { startMs: 0, endMs: 30_000 };
const spoken = (...spans: [number, number][]): Window[] => spans.map(([startMs, endMs]) => ({ startMs, endMs }));
const evidence = (speech: Window[] | undefined, change: Partial<Evidence> = {}): Evidence => ({
  ...{ window, speech, tellsSpeech: true, language: 'en' },
  ...change,
});
const words = (n: number) => Array.from({ length: n }, (_, i) => `word${i}`).join(' ');

describe('what was heard in a window', () => {
  it('is not doubted when every word lies on speech and all speech has words', () => {
    const review = reviewWindow([aSegment(1000, words(20))], evidence(spoken([900, 7000])));
    expect(review).toMatchObject({ doubts: [], omissions: [], penaltyMs: 0, avgLogprob: -0.2 });
  });

  it.each([
    ['[BLANK_AUDIO]', 0],
    ['(upbeat music)', 0],
    ['[wind blowing] [Music]', 0],
    ['*applause*', 0],
    ['♪♪♪', 0],
    ['♪ Happy birthday to you ♪', 1],
    ['(laughs) That is right.', 1],
    ['Call me at (555) 0199', 1],
    ['.', 1],
  ])('%j gives %i segments', (text, segments) => {
    expect(reviewWindow([aSegment(1000, text)], evidence(undefined)).segments).toHaveLength(segments);
  });

  describe.each<{
    what: string;
    segment: Segment;
    speech: Window[];
    tellsSpeech?: boolean;
    want: string[] | 'dropped';
  }>([
    {
      what: 'words where nobody speaks, of which the model is sure',
      segment: aSegment(20_000, 'thank you for watching'),
      speech: spoken([1000, 2000]),
      want: ['no-sound'],
    },
    {
      what: 'words where nobody speaks, of which the model is unsure',
      segment: aSegment(20_000, 'thank you for watching', { avgLogprob: -0.7 }),
      speech: spoken([1000, 2000]),
      want: 'dropped',
    },
    {
      what: 'words where nobody speaks and the model says so',
      segment: aSegment(20_000, 'thank you for watching', { noSpeechProbability: 0.5 }),
      speech: spoken([1000, 2000]),
      want: 'dropped',
    },
    {
      what: 'unsure words in silence, by a map of loudness alone',
      segment: aSegment(20_000, 'thank you for watching', { avgLogprob: -0.7 }),
      speech: spoken([1000, 2000]),
      tellsSpeech: false,
      want: ['no-sound'],
    },
    {
      what: 'words on speech that the model takes for none',
      segment: aSegment(1000, 'yes', { doubts: ['no-speech'], noSpeechProbability: 0.8 }),
      speech: spoken([900, 1400]),
      want: [],
    },
    {
      what: 'the same by a map that cannot tell',
      segment: aSegment(1000, 'yes', { doubts: ['no-speech'], noSpeechProbability: 0.8 }),
      speech: spoken([900, 1400]),
      tellsSpeech: false,
      want: ['no-speech'],
    },
    {
      what: 'Russian letters in English',
      segment: aSegment(1000, 'продолжение следует'),
      speech: spoken([900, 2000]),
      want: ['language'],
    },
    {
      what: 'a Russian name in English',
      segment: aSegment(1000, 'My friend Иван said hello to everybody'),
      speech: spoken([900, 4000]),
      want: [],
    },
  ])('$what', ({ segment, speech, tellsSpeech = true, want }) => {
    it(`gives ${JSON.stringify(want)}`, () => {
      const { segments } = reviewWindow([segment], evidence(speech, { tellsSpeech }));
      if (want === 'dropped') expect(segments).toEqual([]);
      else expect(segments.map((it) => it.doubts)).toEqual([want]);
    });
  });

  it('is a loop also when each round is a segment of its own', () => {
    const rounds = [0, 1, 2, 3, 4].map((i) => aSegment(1000 + 3000 * i, 'I do not know.'));
    const all = evidence(spoken([900, 15_000]));
    expect(reviewWindow(rounds, all).segments.map((it) => it.doubts)).toEqual(rounds.map(() => ['repetition']));
    expect(reviewWindow(rounds.slice(1), all).doubts).toEqual([]);
  });

  it('keeps its words to speech: the first one after music does not begin in the music', () => {
    const heard = aSegment(2000, 'And so');
    const early = {
      ...heard,
      words: heard.words.map((it, i) => (i === 0 ? it : { ...it, startMs: 2200, endMs: 9500 })),
    };
    const { segments } = reviewWindow([early], evidence(spoken([1900, 2300], [9000, 9800])));
    expect(segments[0]?.words.map((it) => [it.startMs, it.endMs])).toEqual([
      [2000, 2200],
      [2200, 9500],
    ]);
    const late = { ...heard, startMs: 5000, words: [{ ...heard.words[0], startMs: 5000, endMs: 9500 }] } as Segment;
    expect(reviewWindow([late], evidence(spoken([9000, 9800]))).segments[0]).toMatchObject({
      startMs: 8600,
      endMs: 9500,
    });
  });

  it('lacks words where somebody speaks for 3 s without any', () => {
    const heard = [aSegment(1000, words(5)), aSegment(12_000, words(5))];
    const speech = spoken([900, 2600], [4000, 6000], [6500, 8000], [11_900, 13_500]);
    const { omissions, doubts } = reviewWindow(heard, evidence(speech));
    expect(omissions).toEqual([{ startMs: 4000, endMs: 8000 }]);
    expect(doubts).toEqual(['omission']);
    expect(reviewWindow(heard, evidence(spoken([900, 2600], [4000, 6900], [11_900, 13_500]))).doubts).toEqual([]);
  });

  it('lacks none when they stand crammed beside the gap', () => {
    const text = 'Every day she takes the early train and reads a book and drinks one cup of coffee before work';
    const crammed = { ...aSegment(9000, text), words: wordsFrom(9000, text) };
    const squeezed = crammed.words.map((it, i) => ({ ...it, startMs: 9000 + 40 * i, endMs: 9030 + 40 * i }));
    const speech = spoken([1000, 9800]);
    expect(reviewWindow([{ ...crammed, endMs: 9800, words: squeezed }], evidence(speech)).omissions).toEqual([]);
    expect(reviewWindow([aSegment(9000, 'Every day')], evidence(speech)).omissions).toHaveLength(1);
  });

  it('without any word lacks them only by a map that tells speech from music', () => {
    const speech = spoken([1000, 9000]);
    expect(reviewWindow([], evidence(speech)).doubts).toEqual(['omission']);
    expect(reviewWindow([], evidence(speech, { tellsSpeech: false })).doubts).toEqual([]);
    expect(reviewWindow([], evidence(undefined)).doubts).toEqual([]);
  });
});

describe('the better of two', () => {
  const all = evidence(spoken([900, 9000]));
  const whole = reviewWindow([aSegment(1000, words(27))], all);
  const half = reviewWindow([aSegment(1000, words(13))], all);
  const unsure = reviewWindow([aSegment(1000, words(27), { avgLogprob: -1.2, doubts: ['low-confidence'] })], all);
  const looping = reviewWindow([aSegment(1000, words(27), { doubts: ['repetition'] })], all);
  const nothing = reviewWindow([], all);

  it.each([
    ['all words', whole, 'half of them', half],
    ['half of the words', half, 'nothing', nothing],
    ['unsure words', unsure, 'nothing', nothing],
    ['unsure words', unsure, 'a loop', looping],
    ['sure words', whole, 'unsure ones', unsure],
  ])('is %s and not %s', (_a, better, _b, worse) => {
    expect(isBetter(better, worse)).toBe(true);
    expect(isBetter(worse, better)).toBe(false);
  });

  it('is the likelier one when as much is badly heard', () => {
    const likelier = reviewWindow([aSegment(1000, words(27), { avgLogprob: -0.1 })], all);
    expect(isBetter(likelier, whole)).toBe(true);
    expect(isBetter(whole, likelier)).toBe(false);
  });

  it('is never each of both, and never the same thing', () => {
    const reviewed = fc
      .record({
        penaltyMs: fc.integer({ min: 0, max: 30_000 }),
        avgLogprob: fc.double({ min: -3, max: 0, noNaN: true }),
      })
      .map((it): Review => ({ segments: [], omissions: [], doubts: [], ...it }));
    fc.assert(
      fc.property(reviewed, reviewed, (a, b) => {
        expect(isBetter(a, b) && isBetter(b, a)).toBe(false);
        expect(isBetter(a, a)).toBe(false);
      }),
    );
  });
});

describe('a review, whatever was heard', () => {
  const segment = fc
    .record({
      startMs: fc.integer({ min: 0, max: 28_000 }),
      text: fc.constantFrom('yes', 'ask not what your country', 'спасибо за просмотр', '[Music]', 'no no no'),
      avgLogprob: fc.double({ min: -3, max: 0, noNaN: true }),
      noSpeechProbability: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ startMs, text, ...rest }) => aSegment(startMs, text, rest));
  // As an engine hears them: in order, none begins before the last has ended.
  const segments = fc.array(segment, { maxLength: 8 }).map((list) => {
    let last = 0;
    return list
      .toSorted((a, b) => a.startMs - b.startMs)
      .filter((it) => {
        const follows = it.startMs >= last;
        if (follows) last = it.endMs;
        return follows;
      });
  });
  const speech = fc
    .array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 12 })
    .map((times) => [...new Set(times)].sort((a, b) => a - b))
    .map((times) => times.flatMap((at, i) => (i % 2 === 1 ? [{ startMs: times[i - 1] as number, endMs: at }] : [])));

  it('changes no words but their times, and its omissions hold no word', () => {
    fc.assert(
      fc.property(segments, speech, fc.boolean(), (heard, map, tellsSpeech) => {
        const review = reviewWindow(heard, evidence(map, { tellsSpeech }));
        const all = heard.flatMap((it) => it.words.map((word) => word.text));
        for (const word of review.segments.flatMap((it) => it.words)) expect(all).toContain(word.text);
        for (const gap of review.omissions) {
          expect(gap.endMs - gap.startMs).toBeGreaterThanOrEqual(3000);
          const inside = review.segments
            .flatMap((it) => it.words)
            .filter((it) => it.startMs < gap.endMs && it.endMs > gap.startMs);
          expect(inside).toEqual([]);
        }
        expect(review.doubts.length > 0).toBe(
          review.omissions.length > 0 || review.segments.some((it) => it.doubts.length > 0),
        );
        expect(reviewWindow(heard, evidence(map, { tellsSpeech }))).toEqual(review);
      }),
    );
  });

  it('drops nothing without two witnesses', () => {
    fc.assert(
      fc.property(segments, speech, (heard, map) => {
        const loud = reviewWindow(heard, evidence(map, { tellsSpeech: false }));
        expect(loud.segments).toHaveLength(heard.filter((it) => it.text !== '[Music]').length);
      }),
    );
  });
});
