import type { Window, Word } from '@mediajob/contract';
import { clipped, gapsBetween, lengthOf, overlapMs, padded } from './spans.js';

/** A stretch without words that holds this much speech has lost some. */
export const OMISSION_MS = 3_000;
/** Around a word speech counts as heard: times of words are not exact, and short ones between two others come out late. */
const NEAR_WORD_MS = 500;

/** Nobody says more letters than this in 1.5 s (fast speech: 40): words that stand there belong into the gap beside them. */
const BESIDE_MS = 1_500;
const MOST_LETTERS = 60;

/** Stretches of `bounds`, from where speech begins to where it ends, with at least 3 s of speech and not one word. */
export function omissionsOf(words: readonly Word[], speech: readonly Window[], bounds: Window): Window[] {
  return gapsBetween(padded(words, NEAR_WORD_MS), bounds).flatMap((gap) => {
    const inside = clipped(speech, gap);
    const first = inside[0];
    const last = inside.at(-1);
    const spoken = inside.reduce((sum, it) => sum + lengthOf(it), 0);
    if (first === undefined || last === undefined || spoken < OMISSION_MS || crammed(words, gap)) return [];
    return [{ startMs: first.startMs, endMs: last.endMs }];
  });
}

/** Whether alignment put into the moment before or after a gap what was said in it. */
function crammed(words: readonly Word[], gap: Window): boolean {
  const lettersIn = (startMs: number, endMs: number) =>
    words
      .filter((it) => it.startMs >= startMs && it.endMs <= endMs)
      .reduce((sum, it) => sum + (it.text.match(/[\p{L}\p{N}]/gu)?.length ?? 0), 0);
  // A gap ends half a second before the next word.
  const reach = NEAR_WORD_MS + BESIDE_MS;
  return (
    lettersIn(gap.endMs, gap.endMs + reach) > MOST_LETTERS || lettersIn(gap.startMs - reach, gap.startMs) > MOST_LETTERS
  );
}

/** ms of speech in `bounds` with no word near. */
export function unheardMs(words: readonly Window[], speech: readonly Window[], bounds: Window): number {
  return gapsBetween(padded(words, NEAR_WORD_MS), bounds).reduce((sum, gap) => sum + overlapMs(gap, speech), 0);
}
