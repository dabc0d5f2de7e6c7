import type { Window } from '@mediajob/contract';
import { clipped, gapsBetween, lengthOf, overlapMs, padded } from './spans.js';

/** A stretch without words that holds this much speech has lost some. */
export const OMISSION_MS = 3_000;
/** Around a word speech counts as heard: times of words are not exact, and short ones between two others come out late. */
const NEAR_WORD_MS = 500;

/** Stretches of `bounds`, from where speech begins to where it ends, with at least 3 s of speech and not one word. */
export function omissionsOf(words: readonly Window[], speech: readonly Window[], bounds: Window): Window[] {
  return gapsBetween(padded(words, NEAR_WORD_MS), bounds).flatMap((gap) => {
    const inside = clipped(speech, gap);
    const first = inside[0];
    const last = inside.at(-1);
    const spoken = inside.reduce((sum, it) => sum + lengthOf(it), 0);
    if (first === undefined || last === undefined || spoken < OMISSION_MS) return [];
    return [{ startMs: first.startMs, endMs: last.endMs }];
  });
}

/** ms of speech in `bounds` with no word near. */
export function unheardMs(words: readonly Window[], speech: readonly Window[], bounds: Window): number {
  return gapsBetween(padded(words, NEAR_WORD_MS), bounds).reduce((sum, gap) => sum + overlapMs(gap, speech), 0);
}
