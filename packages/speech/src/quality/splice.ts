import type { Segment, Window, Word } from '@mediajob/contract';

/**
 * What was heard before, with the words of `again` put in where it had none. A word that both heard at the same time stays as
 * it was before, and a segment that says again what stands beside it is left out: before, its words had wrong times, and nothing
 * was missing. A segment goes to pieces where something is put between its words.
 */
export function splice(before: readonly Segment[], again: readonly Segment[]): Segment[] {
  const known = before.flatMap((segment) => segment.words.map((word) => ({ word, segment })));
  const fresh = again
    .map((segment) => segment.words.filter((word) => !known.some((it) => overlaps(it.word, word))))
    .flatMap((words, i) => (isEcho(words, known) ? [] : words.map((word) => ({ word, segment: again[i] as Segment }))));
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

/** Of so many of its words, in order, that they are the same ones and not a few common ones by chance. */
const ECHO = 0.6;
const FEWEST = 4;

function isEcho(words: readonly Word[], known: readonly { word: Word }[]): boolean {
  if (words.length < FEWEST) return false;
  const at = known.filter((it) => it.word.startMs < (words[0]?.startMs ?? 0)).length;
  const reach = words.length + FEWEST;
  const beside = (from: number, to: number) => known.slice(Math.max(0, from), to).map((it) => plain(it.word.text));
  const own = words.map((it) => plain(it.text));
  const most = Math.max(inOrder(own, beside(at - reach, at)), inOrder(own, beside(at, at + reach)));
  return most >= ECHO * own.length;
}

function plain(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** How many words two lists share in the same order. */
function inOrder(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    b.forEach((other, i) => {
      next.push(word === other ? (row[i] ?? 0) + 1 : Math.max(row[i + 1] ?? 0, next[i] ?? 0));
    });
    row = next;
  }
  return row.at(-1) ?? 0;
}

function overlaps(a: Window, b: Window): boolean {
  return a.startMs < b.endMs && b.startMs < a.endMs;
}
