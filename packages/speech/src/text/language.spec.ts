import type { ChunkPlan } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { languageOfChunk, languageWindows, voteLanguage } from './language.js';

function planOf(lengths: readonly number[]): ChunkPlan {
  const windows = lengths.map((length, i) => ({ startMs: i * 40_000, endMs: i * 40_000 + length }));
  return {
    schemaVersion: 1,
    durationMs: lengths.length * 40_000,
    speechMs: lengths.reduce((sum, it) => sum + it, 0),
    parameters: { targetMs: 300_000, windowMs: 30_000 },
    chunks: [{ index: 0, startMs: 0, endMs: lengths.length * 40_000, windows }],
  };
}
const second = 1000;
const heard = (language: string, probability: number, length = 30) => ({
  startMs: 0,
  endMs: length * second,
  candidates: [
    { language: language === 'en' ? 'ru' : 'en', probability: 1 - probability },
    { language, probability },
  ],
});

describe('the windows listened to for the language', () => {
  it('are all, when there are few', () => {
    expect(languageWindows(planOf([5000, 9000]))).toHaveLength(2);
    expect(languageWindows(planOf([]))).toEqual([]);
  });

  it('are the longest of each fifth of the speech', () => {
    const windows = languageWindows(planOf(Array.from({ length: 50 }, (_, i) => (i % 10 === 7 ? 29_000 : 10_000))));
    expect(windows).toHaveLength(5);
    expect(windows.map((it) => it.endMs - it.startMs)).toEqual([29_000, 29_000, 29_000, 29_000, 29_000]);
    expect(windows.map((it) => it.startMs / 40_000)).toEqual([7, 17, 27, 37, 47]);
  });
});

describe('the vote', () => {
  it('goes by probability, so one sure window beats two unsure ones', () => {
    const { language, votes } = voteLanguage([heard('ru', 0.99), heard('en', 0.55), heard('en', 0.55)]);
    expect(language).toBe('ru');
    expect(votes.map((it) => it.language)).toEqual(['ru', 'en', 'en']);
  });

  it('counts long windows more than short ones', () => {
    expect(voteLanguage([heard('ru', 0.9, 2), heard('en', 0.8, 30)]).language).toBe('en');
  });

  it('says how sure it is', () => {
    expect(voteLanguage([heard('ru', 0.9), heard('ru', 0.7)]).probability).toBeCloseTo(0.8);
  });

  it('is English with probability 0 when there was nothing to hear', () => {
    expect(voteLanguage([])).toEqual({ language: 'en', probability: 0, votes: [] });
  });
});

describe('the language of a chunk', () => {
  const of = (...candidates: [string, number][]) => [
    { startMs: 0, endMs: 30_000, candidates: candidates.map(([language, probability]) => ({ language, probability })) },
  ];
  it.each<[string, ReturnType<typeof of>, string]>([
    ['is the one that is likely', of(['de', 0.9], ['en', 0.1]), 'de'],
    [
      'is the one that stands out, though the voice is hard to understand',
      of(['de', 0.46], ['yi', 0.2], ['en', 0.1]),
      'de',
    ],
    ['is that of the file when two others are as likely', of(['la', 0.35], ['zh', 0.35], ['en', 0.3]), 'en'],
    ['is that of the file when that is not much less likely', of(['de', 0.45], ['en', 0.2], ['la', 0.1]), 'en'],
    ['is that of the file when nothing was heard', [], 'en'],
  ])('%s', (_, detections, want) => {
    expect(languageOfChunk(detections, 'en')).toBe(want);
  });
});
