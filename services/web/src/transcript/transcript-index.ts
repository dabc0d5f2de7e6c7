import type { Transcript, TranscriptOmission, TranscriptSegment } from '@mediajob/contract';

/** Languages that put no space between words. */
const UNSPACED = new Set(['zh', 'ja', 'yue', 'th', 'lo', 'km', 'my', 'bo']);
/** A silence this long begins a new paragraph. */
const PARAGRAPH_PAUSE_MS = 2_000;
/** A paragraph this long ends with the next sentence, */
const PARAGRAPH_CHARACTERS = 360;
/** and one this long at any segment: some recordings have no full stops at all. */
const LONGEST_PARAGRAPH = 700;
const SENTENCE_END = /[.!?…。！？]["'”»)\]]*$/u;
/** Below this a word is shaded: Whisper's own words are mostly above. */
export const LOW_PROBABILITY = 0.4;

export interface IndexedWord {
  readonly startMs: number;
  readonly endMs: number;
  /** Place in the text of the paragraph: from inclusive, to exclusive. */
  readonly from: number;
  readonly to: number;
  readonly paragraph: number;
  readonly low: boolean;
}

export interface IndexedSegment {
  /** Position in the transcript; what a correction names. */
  readonly index: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly edited: boolean;
  /** BCP-47, when it differs from that of the transcript. */
  readonly language: string | undefined;
  /** Where its text begins in the paragraph's. */
  readonly from: number;
}

export interface Paragraph {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string;
  readonly segments: readonly IndexedSegment[];
  /** Why it is doubtful; doubtful segments stand in paragraphs of their own. */
  readonly doubts: NonNullable<TranscriptSegment['doubts']>;
  /** Its words: from inclusive, to exclusive. */
  readonly firstWord: number;
  readonly lastWord: number;
}

/** A transcript as paragraphs to read and words to find by time or by place. */
export interface TranscriptIndex {
  readonly paragraphs: readonly Paragraph[];
  /** All words that have a place in the text, in order of time. */
  readonly words: readonly IndexedWord[];
  /** What stands between two segments. */
  readonly separator: string;
  readonly doubtful: readonly number[];
}

/** @param edits corrected texts by position of the segment */
export function indexTranscript(transcript: Transcript, edits: ReadonlyMap<number, string>): TranscriptIndex {
  const separator = UNSPACED.has(transcript.language.split('-', 1)[0] ?? '') ? '' : ' ';
  const paragraphs: Paragraph[] = [];
  const words: IndexedWord[] = [];
  const omissions = [...(transcript.omissions ?? [])];
  const addOmissions = (beforeMs: number) => {
    while (omissions[0] !== undefined && ms(omissions[0].start) < beforeMs) {
      paragraphs.push(omitted(omissions.shift() as TranscriptOmission, words.length));
    }
  };
  for (const group of groups(transcript.segments, omissions)) {
    addOmissions(ms(transcript.segments[group[0] ?? 0]?.start ?? 0));
    const firstWord = words.length;
    const segments: IndexedSegment[] = [];
    let text = '';
    for (const index of group) {
      const segment = transcript.segments[index];
      if (segment === undefined) continue;
      const edit = edits.get(index);
      const segmentText = (edit ?? segment.text).trim();
      if (text !== '') text += separator;
      const from = text.length;
      text += segmentText;
      segments.push({
        index,
        startMs: ms(segment.start),
        endMs: ms(segment.end),
        text: segmentText,
        edited: edit !== undefined,
        language: foreignLanguage(segment, transcript),
        from,
      });
      words.push(...placeWords(segment, segmentText, from, paragraphs.length, edit !== undefined));
    }
    const doubts = [...new Set(group.flatMap((index) => transcript.segments[index]?.doubts ?? []))];
    paragraphs.push({
      startMs: segments[0]?.startMs ?? 0,
      endMs: segments.at(-1)?.endMs ?? 0,
      text,
      segments,
      doubts,
      firstWord,
      lastWord: words.length,
    });
  }
  addOmissions(Number.POSITIVE_INFINITY);
  const doubtful = paragraphs.flatMap(({ doubts }, at) => (doubts.length > 0 ? [at] : []));
  return { paragraphs, words, separator, doubtful };
}

/** A translation is English whatever was spoken. */
function foreignLanguage({ language }: TranscriptSegment, transcript: Transcript): string | undefined {
  return transcript.task === 'translate' || language === transcript.language ? undefined : language;
}

const ms = (seconds: number) => Math.round(seconds * 1000);

/** A place where somebody speaks and no words were found: a paragraph without text. */
function omitted({ start, end }: TranscriptOmission, word: number): Paragraph {
  const doubts = ['omission'] as const;
  return {
    startMs: ms(start),
    endMs: ms(end),
    text: '',
    segments: [],
    doubts: [...doubts],
    firstWord: word,
    lastWord: word,
  };
}

/** Positions of segments that make one paragraph each. */
function groups(segments: readonly TranscriptSegment[], omissions: readonly TranscriptOmission[]): number[][] {
  const result: number[][] = [];
  let current: number[] = [];
  let characters = 0;
  segments.forEach((segment, index) => {
    const previous = segments[index - 1];
    const breaks =
      previous !== undefined &&
      (doubtsOf(segment) !== doubtsOf(previous) ||
        ms(segment.start) - ms(previous.end) >= PARAGRAPH_PAUSE_MS ||
        omissions.some((it) => it.start >= previous.start && it.start < segment.start) ||
        (characters >= PARAGRAPH_CHARACTERS && SENTENCE_END.test(previous.text.trim())) ||
        characters >= LONGEST_PARAGRAPH);
    if (breaks) {
      result.push(current);
      current = [];
      characters = 0;
    }
    current.push(index);
    characters += segment.text.length;
  });
  if (current.length > 0) result.push(current);
  return result;
}

const doubtsOf = (segment: TranscriptSegment) => (segment.doubts ?? []).join();

/**
 * Finds the words in their segment's text, one after the other. A word that a correction took away has no place
 * and is left out; those around it are found all the same.
 */
function placeWords(
  segment: TranscriptSegment,
  text: string,
  offset: number,
  paragraph: number,
  edited: boolean,
): IndexedWord[] {
  const placed: IndexedWord[] = [];
  let from = 0;
  for (const word of segment.words) {
    const wanted = word.word.trim();
    if (wanted === '') continue;
    const at = text.indexOf(wanted, from);
    // In a corrected text the same word may stand again far behind: a jump over others is no match.
    if (at < 0 || (edited && at - from > MAX_JUMP)) continue;
    placed.push({
      startMs: ms(word.start),
      endMs: ms(word.end),
      from: offset + at,
      to: offset + at + wanted.length,
      paragraph,
      low: !edited && word.score < LOW_PROBABILITY,
    });
    from = at + wanted.length;
  }
  return placed;
}
const MAX_JUMP = 40;

/**
 * Position of the word that is being said at `timeMs`: the last that has begun. -1 before the first, and
 * when the last one ended a while ago.
 */
export function wordAt(words: readonly IndexedWord[], timeMs: number): number {
  const at = lastAtOrBefore(words, (word) => word.startMs <= timeMs);
  const word = words[at];
  return word !== undefined && timeMs <= word.endMs + LINGER_MS ? at : -1;
}
const LINGER_MS = 600;

/** Position of the paragraph that is being read out at `timeMs`; 0 before the first. */
export function paragraphAt(paragraphs: readonly Paragraph[], timeMs: number): number {
  return Math.max(
    0,
    lastAtOrBefore(paragraphs, (paragraph) => paragraph.startMs <= timeMs),
  );
}

/** The word at a place in a paragraph's text, or the one before it; undefined when there is none. */
export function wordAtPlace(index: TranscriptIndex, paragraph: number, place: number): IndexedWord | undefined {
  const { firstWord, lastWord } = index.paragraphs[paragraph] ?? { firstWord: 0, lastWord: 0 };
  const words = index.words.slice(firstWord, lastWord);
  return words[lastAtOrBefore(words, (word) => word.from <= place)] ?? words[0];
}

/** Binary search: position of the last item for which `holds`, given that it holds for a beginning of the list. */
function lastAtOrBefore<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && holds(item)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** All text, a paragraph a line: what "copy" gives. */
export function plainText(index: TranscriptIndex): string {
  const spoken = index.paragraphs.filter((paragraph) => paragraph.segments.length > 0);
  return spoken.map((paragraph) => paragraph.text).join('\n\n');
}
