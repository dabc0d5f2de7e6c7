import type { Quality, Window } from '@mediajob/contract';
import type { DecodeOptions } from '../engine/engine.js';
import type { Doubt } from './review.js';
import { gapsBetween, lengthOf } from './spans.js';

/** One more way to hear a window. */
export interface Attempt {
  readonly name: 'beams' | 'halves' | 'gaps' | 'warm';
  /** Windows to decode instead of the whole; what they cover is replaced. */
  readonly windows: readonly Window[];
  readonly options: DecodeOptions;
}

/** Further attempts at a doubtful window, at most. `fast` is one pass, whatever comes out. */
export const MOST_ATTEMPTS: Record<Quality, number> = { fast: 0, balanced: 2, best: 3 };
/** An engine refuses less than a second. */
const SHORTEST_MS = 1_000;
/** Room left around a stretch that is heard again. */
const ROOM_MS = 400;
/** More stretches than this in one window, and the whole window is better heard again. */
const MOST_GAPS = 4;

/**
 * How a doubtful window is heard again, in this order and never with the vocabulary, which a model repeats when it hears nothing:
 * - `gaps`, for speech without words: only what has none, each stretch as a window of its own;
 * - `beams`: five hypotheses instead of one;
 * - `halves`: as two windows, cut at its longest pause; a loop or an early end in one does not reach the other;
 * - `warm`: at a temperature of 0.4 with five candidates, where the engine has not already tried that by itself.
 *
 * Where the model is only unsure, the first of them alone.
 */
export function attemptsAt(
  doubts: readonly Doubt[],
  at: {
    quality: Quality;
    options: DecodeOptions;
    window: Window;
    omissions: readonly Window[];
    speech: readonly Window[] | undefined;
  },
): Attempt[] {
  const { window, options, omissions } = at;
  const attempts: Attempt[] = [];
  const calm: DecodeOptions = { ...options, beamSize: Math.max(5, options.beamSize), temperature: 0 };
  if (omissions.length > 0 && omissions.length <= MOST_GAPS) {
    const windows = omissions.map((it) => roomy(it, window));
    if (windows.every((it) => lengthOf(it) < 0.9 * lengthOf(window)))
      attempts.push({ name: 'gaps', windows, options: calm });
  }
  if (options.beamSize < calm.beamSize) attempts.push({ name: 'beams', windows: [window], options: calm });
  const halves = halvesOf(window, at.speech ?? []);
  if (halves !== undefined) attempts.push({ name: 'halves', windows: halves, options: calm });
  const tried = options.temperatureStep > 0 && doubts.every((it) => it === 'low-confidence' || it === 'repetition');
  if (!tried) {
    attempts.push({
      name: 'warm',
      windows: [window],
      options: { ...options, beamSize: 1, bestOf: 5, temperature: 0.4 },
    });
  }
  return attempts.slice(0, Math.min(MOST_ATTEMPTS[at.quality], doubts.every(isSlight) ? 1 : MOST_ATTEMPTS.best));
}

/** Nothing is missing and nothing invented: bad sound is mostly no better the third time, and there may be hours of it. */
function isSlight(doubt: Doubt): boolean {
  return doubt === 'low-confidence' || doubt === 'no-speech';
}

function roomy(span: Window, bounds: Window): Window {
  const missing = Math.max(0, SHORTEST_MS - lengthOf(span));
  return {
    startMs: Math.max(bounds.startMs, span.startMs - ROOM_MS - missing),
    endMs: Math.min(bounds.endMs, span.endMs + ROOM_MS + missing),
  };
}

/** Cut in the middle of the longest pause that leaves a quarter of the window on both sides; undefined without one. */
function halvesOf(window: Window, speech: readonly Window[]): Window[] | undefined {
  const quarter = lengthOf(window) / 4;
  if (quarter < SHORTEST_MS) return undefined;
  const cuts = gapsBetween(speech, window)
    .filter((it) => speech.length > 0 && it.startMs >= window.startMs + quarter && it.endMs <= window.endMs - quarter)
    .toSorted((a, b) => lengthOf(b) - lengthOf(a) || a.startMs - b.startMs);
  const cut = cuts[0];
  if (cut === undefined) return undefined;
  const at = Math.round((cut.startMs + cut.endMs) / 2);
  return [
    { startMs: window.startMs, endMs: at },
    { startMs: at, endMs: window.endMs },
  ];
}
