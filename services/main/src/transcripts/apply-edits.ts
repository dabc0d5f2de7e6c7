import type { Transcript, TranscriptEdit, TranscriptSegment, TranscriptWord } from '@mediajob/contract';

/** Languages written without spaces between words: there a character stands for a word. */
const UNSPACED = /^(zh|yue|ja|th|lo|my|km|bo)\b/;

/**
 * A transcript with a person's corrections. Words that were not touched keep their times; new ones share the time
 * between them by their length. A segment whose text is empty is left out.
 *
 * @param edits at most one a segment; those of segments that do not exist are ignored
 */
export function applyEdits(transcript: Transcript, edits: readonly TranscriptEdit[]): Transcript {
  const textOf = new Map(edits.map(({ segment, text }) => [segment, text.trim()]));
  const segments = transcript.segments.flatMap((segment, index) => {
    const text = textOf.get(index);
    if (text === undefined || text === segment.text.trim()) return [segment];
    return text === '' ? [] : [corrected(segment, text, segment.language ?? transcript.language)];
  });
  return { ...transcript, segments, word_segments: segments.flatMap(({ words }) => words) };
}

function corrected(segment: TranscriptSegment, text: string, language: string): TranscriptSegment {
  const wanted = wordsOf(text, language);
  const heard = segment.words;
  let first = 0;
  while (first < Math.min(wanted.length, heard.length) && wanted[first] === heard[first]?.word.trim()) first++;
  let last = 0;
  while (
    last < Math.min(wanted.length, heard.length) - first &&
    wanted[wanted.length - 1 - last] === heard[heard.length - 1 - last]?.word.trim()
  ) {
    last++;
  }
  const before = heard.slice(0, first);
  const after = heard.slice(heard.length - last);
  const between = spread(
    wanted.slice(first, wanted.length - last),
    before.at(-1)?.end ?? segment.start,
    after[0]?.start ?? segment.end,
  );
  // A person has looked at it: what the engine doubted is settled.
  const { doubts: _, ...rest } = segment;
  return { ...rest, text, words: [...before, ...between, ...after] };
}

function wordsOf(text: string, language: string): string[] {
  if (!UNSPACED.test(language)) return text.split(/\s+/);
  return [...new Intl.Segmenter(language).segment(text)].map(({ segment }) => segment).filter((it) => it.trim() !== '');
}

/** Words one after the other from `start` to `end` in seconds, each as long as its share of characters, to the ms. */
function spread(words: readonly string[], start: number, end: number): TranscriptWord[] {
  const total = words.reduce((sum, word) => sum + word.length, 0);
  const at = (characters: number) => Math.round((start + ((end - start) * characters) / total) * 1000) / 1000;
  let characters = 0;
  return words.map((word) => {
    const from = at(characters);
    characters += word.length;
    return { word, start: from, end: at(characters), score: 1 };
  });
}
