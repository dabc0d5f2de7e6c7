import type { Segment, Window, Word } from '@mediajob/contract';

/** A word that would become shorter than this is left as it is: the map is wrong, or the word is no speech at all. */
const SHORTEST_MS = 60;

/**
 * A segment whose words keep to speech: alignment makes the first word after music or a long pause begin far too early, and the
 * last one before it end too late. Words without any speech stay where they are.
 * @param around speech with some room on both sides, in order, none touching another
 */
export function clampToSpeech(segment: Segment, around: readonly Window[]): Segment {
  const words = segment.words.map((word) => clamped(word, around));
  if (words.every((word, i) => word === segment.words[i])) return segment;
  return {
    ...segment,
    startMs: words[0]?.startMs ?? segment.startMs,
    endMs: words.at(-1)?.endMs ?? segment.endMs,
    words,
  };
}

function clamped(word: Word, around: readonly Window[]): Word {
  const below = around.filter((it) => it.startMs < word.endMs && it.endMs > word.startMs);
  const first = below[0];
  const last = below.at(-1);
  if (first === undefined || last === undefined) return word;
  const startMs = Math.max(word.startMs, first.startMs);
  const endMs = Math.min(word.endMs, last.endMs);
  if ((startMs === word.startMs && endMs === word.endMs) || endMs - startMs < SHORTEST_MS) return word;
  return { ...word, startMs, endMs };
}
