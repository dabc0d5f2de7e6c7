import type { Transcript } from '@mediajob/contract';
import { plainText } from './scripts.js';
import { ass } from './writers/index.js';

/** More different letters than this are in no alphabet, and of Chinese ones these are what nearly all text is made of. */
const MOST_LETTERS = 400;
const HOURS_100 = 360_000_000;

/** How often each letter, figure and mark is written, the most frequent first. */
export function letterCounts({ segments }: Pick<Transcript, 'segments'>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { text } of segments) {
    for (const letter of plainText(text)) {
      if (/[\p{L}\p{N}\p{P}]/u.test(letter)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
  }
  return new Map([...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_LETTERS));
}

/** A file of subtitles that shows letters from the start: to see whether there are fonts for them. */
export function letterSample(letters: Iterable<string>): string {
  const writer = ass({ wordTimes: false });
  const lines = [[...letters].join(' ')];
  const cue = { startMs: 0, endMs: HOURS_100, lines, words: [], language: 'en', speaker: undefined, turn: false };
  return writer.head + writer.item(cue, 0, undefined);
}
