import type { Window } from '@mediajob/contract';
import type { AudioMap } from './analyze.js';
import { quietestCut } from './quiet.js';
import type { Span } from './speech-map.js';

/** Room left around speech, where the pause is long enough: a first consonant is weak, and last syllables fade away. */
export const PAD_BEFORE_MS = 250;
export const PAD_AFTER_MS = 400;
/** Longer pauses are left out: whisper invents text in silence. */
export const MAX_PAUSE_MS = 3_000;
/** Shorter windows are widened where there is room: whisper.cpp refuses less than a second. */
export const MIN_WINDOW_MS = 1_200;

/** A piece of speech that is not cut further; `forced` when it begins where speech had to be cut for want of a pause. */
interface Piece extends Span {
  forced: boolean;
}

/**
 * Packs the speech of one chunk into windows of at most `windowMs`: as few as can be (each costs a whole pass of the encoder,
 * however short it is), and among those, cut at the longest pauses.
 *
 * @param spans - speech in order, not padded
 * @param chunk - bounds that no window leaves
 */
export function packWindows(map: AudioMap, spans: readonly Span[], chunk: Span, windowMs: number): Window[] {
  const pieces = padded(spans, chunk).flatMap((span) => pieceUp(map, span, windowMs));
  const windows: Window[] = [];
  for (let from = 0; from < pieces.length; ) {
    let to = from + 1;
    while (to < pieces.length && pauseBefore(pieces, to) <= MAX_PAUSE_MS) to += 1;
    windows.push(...packRun(pieces.slice(from, to), windowMs));
    from = to;
  }
  return windows.map((window, i) => widened(window, windows[i - 1]?.endMs, windows[i + 1]?.startMs, chunk, windowMs));
}

/** Clips to the chunk and pads; where two would meet, each gets half of the pause. */
function padded(spans: readonly Span[], chunk: Span): Span[] {
  const inside = spans
    .map((span) => ({ startMs: Math.max(span.startMs, chunk.startMs), endMs: Math.min(span.endMs, chunk.endMs) }))
    .filter((span) => span.endMs > span.startMs);
  return inside.map((span, i) => {
    const before = inside[i - 1];
    const after = inside[i + 1];
    const startRoom =
      before === undefined ? span.startMs - chunk.startMs : Math.ceil((span.startMs - before.endMs) / 2);
    const endRoom = after === undefined ? chunk.endMs - span.endMs : Math.floor((after.startMs - span.endMs) / 2);
    return {
      startMs: span.startMs - Math.min(PAD_BEFORE_MS, startRoom),
      endMs: span.endMs + Math.min(PAD_AFTER_MS, endRoom),
    };
  });
}

/** Cuts speech without a pause into pieces that fit a window, each time at the quietest place of its second half. */
function pieceUp(map: AudioMap, span: Span, windowMs: number): Piece[] {
  const pieces: Piece[] = [];
  let startMs = span.startMs;
  while (span.endMs - startMs > windowMs) {
    const rest = span.endMs - startMs;
    const latest = startMs + Math.min(windowMs, rest - Math.min(5_000, Math.floor(rest / 3)));
    const cut = quietestCut(map, startMs + Math.floor(windowMs / 2), latest);
    pieces.push({ startMs, endMs: cut, forced: pieces.length > 0 });
    startMs = cut;
  }
  pieces.push({ startMs, endMs: span.endMs, forced: pieces.length > 0 });
  return pieces;
}

function pauseBefore(pieces: readonly Piece[], i: number): number {
  return (pieces[i] as Piece).startMs - (pieces[i - 1] as Piece).endMs;
}

/** A window more than needed costs 1,000; a cut up to 900, the less the longer the pause. */
const WINDOW_COST = 1_000;

function cutCost(pieces: readonly Piece[], i: number): number {
  if ((pieces[i] as Piece).forced) return 900;
  // What padding has left of it: a pause that shows 0 here was 200 to 500 ms long.
  return Math.max(0, 400 - Math.round(pauseBefore(pieces, i) / 2));
}

/** Cheapest way to divide neighbouring pieces into windows (dynamic programming over where the last window begins). */
function packRun(pieces: readonly Piece[], windowMs: number): Window[] {
  const costs: number[] = [0];
  const begins: number[] = [0];
  for (let end = 1; end <= pieces.length; end++) {
    let best = Number.POSITIVE_INFINITY;
    for (let begin = end - 1; begin >= 0; begin--) {
      const length = (pieces[end - 1] as Piece).endMs - (pieces[begin] as Piece).startMs;
      if (length > windowMs) break;
      const cost = (costs[begin] as number) + WINDOW_COST + (begin === 0 ? 0 : cutCost(pieces, begin));
      if (cost < best) {
        best = cost;
        begins[end] = begin;
      }
    }
    costs[end] = best;
  }
  const windows: Window[] = [];
  for (let end = pieces.length; end > 0; end = begins[end] as number) {
    const begin = begins[end] as number;
    windows.unshift({ startMs: (pieces[begin] as Piece).startMs, endMs: (pieces[end - 1] as Piece).endMs });
  }
  return windows;
}

/** Takes a short window's missing time from both sides, as far as its neighbours and the chunk leave room. */
function widened(
  window: Window,
  previousEndMs: number | undefined,
  nextStartMs: number | undefined,
  chunk: Span,
  windowMs: number,
): Window {
  const wanted = Math.min(MIN_WINDOW_MS, windowMs);
  const missing = wanted - (window.endMs - window.startMs);
  if (missing <= 0) return window;
  // Neighbours may be widened, too: each takes at most half of the pause between them.
  const roomBefore =
    previousEndMs === undefined ? window.startMs - chunk.startMs : Math.floor((window.startMs - previousEndMs) / 2);
  const roomAfter =
    nextStartMs === undefined ? chunk.endMs - window.endMs : Math.floor((nextStartMs - window.endMs) / 2);
  const before = Math.min(roomBefore, Math.max(Math.ceil(missing / 2), missing - roomAfter));
  const after = Math.min(roomAfter, missing - before);
  return { startMs: window.startMs - before, endMs: window.endMs + after };
}
