import type { Segment, Window } from '@mediajob/contract';

/**
 * What was heard before, with the words of `again` put in where it had none. A word that both heard at the same time stays as
 * it was before. A segment goes to pieces where something is put between its words.
 */
export function splice(before: readonly Segment[], again: readonly Segment[]): Segment[] {
  const known = before.flatMap((segment) => segment.words.map((word) => ({ word, segment })));
  const fresh = again
    .flatMap((segment) => segment.words.map((word) => ({ word, segment })))
    .filter(({ word }) => !known.some((it) => overlaps(it.word, word)));
  const pieces: { segment: Segment; words: Segment['words'] }[] = [];
  for (const { word, segment } of [...known, ...fresh].toSorted((a, b) => a.word.startMs - b.word.startMs)) {
    const last = pieces.at(-1);
    if (last?.segment === segment) last.words.push(word);
    else pieces.push({ segment, words: [word] });
  }
  return pieces.map(({ segment, words }) => withWords(segment, words));
}

function withWords(segment: Segment, words: Segment['words']): Segment {
  if (words.length === segment.words.length) return segment;
  return {
    ...segment,
    startMs: words[0]?.startMs ?? segment.startMs,
    endMs: words.at(-1)?.endMs ?? segment.endMs,
    text: textOf(segment, words),
    words,
  };
}

/** The pieces of the segment's own text that these words make up: its spaces and marks are those of the language. */
function textOf(segment: Segment, words: Segment['words']): string {
  const kept = new Set(words);
  const pieces: string[] = [];
  let from = 0;
  let open: number | undefined;
  let end = 0;
  for (const word of segment.words) {
    const at = segment.text.indexOf(word.text, from);
    if (at < 0) return words.map((it) => it.text).join(' ');
    if (!kept.has(word) && open !== undefined) {
      pieces.push(segment.text.slice(open, end));
      open = undefined;
    }
    from = at + word.text.length;
    if (kept.has(word)) {
      open ??= at;
      end = from;
    }
  }
  if (open !== undefined) pieces.push(segment.text.slice(open, end));
  return pieces.join(' ');
}

function overlaps(a: Window, b: Window): boolean {
  return a.startMs < b.endMs && b.startMs < a.endMs;
}
