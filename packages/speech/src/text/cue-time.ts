import type { CueRules } from './presets.js';

/** People read at ease a little below the fastest speed that a guide allows. */
const AT_EASE = 0.85;
/** A cue that would be shorter than this does without the gap after it: it would hardly be seen. */
const HARDLY_SEEN_MS = 160;

/** When a cue is spoken, and what limits how long it may stay. */
export interface Spoken {
  readonly startMs: number;
  /** End of its last word. */
  readonly endMs: number;
  /** On one line. */
  readonly width: number;
  /** Start of the next cue; infinite for the last one. */
  readonly nextMs: number;
  /** End of the media. */
  readonly durationMs: number;
}

/**
 * When a cue goes: after its last word, later where it needs time to be read and there is room, and never after the
 * next one has come. Whole ms, after its start.
 */
export function cueEnd({ startMs, endMs, width, nextMs, durationMs }: Spoken, rules: CueRules): number {
  const { maxCharsPerSecond, minMs, maxMs, minGapMs, closeGapMs, lingerMs } = rules;
  const fastest = startMs + (width * 1000) / maxCharsPerSecond;
  const atEase = startMs + (width * 1000) / (maxCharsPerSecond * AT_EASE);
  const latest = nextMs - minGapMs;
  let end = Math.max(endMs, startMs + minMs, fastest, Math.min(atEase, endMs + lingerMs));
  if (end < latest && nextMs - end < closeGapMs) end = latest;
  end = Math.ceil(Math.min(end, startMs + maxMs, Math.max(endMs, durationMs)));
  if (end > latest) end = latest - startMs >= HARDLY_SEEN_MS ? latest : Math.min(end, nextMs);
  return Math.max(end, startMs + 1);
}
