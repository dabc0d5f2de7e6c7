import { pairsOf, type Timed } from '../engine/pairs.ts';
import { median } from '../measure.ts';
import type { Item } from './corpus.ts';
import { normalizeEnglish } from './normalize.ts';

const { comparableWords, wordErrorRate } = await import('../../packages/speech/dist/index.js');

/** What a contestant heard. */
export interface Heard {
  text: string;
  words: Timed[];
}

export interface Scores {
  /** 0 to 1; of an item in which nobody speaks: words that were invented, as a plain number. */
  wordErrorRate: number;
  /** Words of the text that are missing. */
  dropped: number;
  /** Distances in ms, [median, 90th percentile]; only where the true times are known. */
  starts?: [number, number];
  ends?: [number, number];
  /** Words of no length, or that begin before the one before them has ended. */
  unusable: number;
}

export function scoresOf(item: Item, heard: Heard): Scores {
  const unusable = heard.words.filter(
    (it, i) => it.endMs <= it.startMs || it.startMs < (heard.words[i - 1]?.endMs ?? 0),
  ).length;
  if (item.text === '') return { wordErrorRate: comparableWords(heard.text).length, dropped: 0, unusable };
  const plain = item.language === 'en' ? normalizeEnglish : (text: string): string => text;
  const errors = wordErrorRate(plain(item.text), plain(heard.text));
  const scores = { wordErrorRate: errors.rate, dropped: errors.deletions, unusable };
  if (!item.words) return scores;
  const pairs = pairsOf(item.words, heard.words);
  return {
    ...scores,
    starts: distances(pairs.map(([known, got]) => got.startMs - known.startMs)),
    ends: distances(pairs.map(([known, got]) => got.endMs - known.endMs)),
  };
}

function distances(differences: number[]): [number, number] {
  const sizes = differences.map(Math.abs).sort((a, b) => a - b);
  return [median(sizes), sizes[Math.floor(sizes.length * 0.9)] ?? 0];
}
