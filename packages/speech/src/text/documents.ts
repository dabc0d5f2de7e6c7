import { bcp47Of, type Segment, type SubtitleRules, type TextFormat } from '@mediajob/contract';
import { type Cue, CueMaker } from './cues.js';
import { isRightToLeft } from './direction.js';
import { ParagraphMaker } from './paragraphs.js';
import { type TranscriptInput, transcriptOf, transcriptSegmentOf } from './transcript.js';
import { type Turn, TurnMaker } from './turns.js';
import {
  ass,
  type DocumentHead,
  docxBody,
  docxEntries,
  lrc,
  md,
  srt,
  tsv,
  ttml,
  txt,
  vtt,
  type Writer,
  zipOf,
} from './writers/index.js';

/** What the documents of a transcript are made of. */
export interface DocumentSource {
  readonly head: Omit<TranscriptInput, 'segments'>;
  readonly rules: SubtitleRules;
  /** All segments in order, in portions of any size, from the beginning at each call. */
  segments(): AsyncIterable<readonly Segment[]>;
}

/**
 * A transcript in one of the text formats, piece by piece; text is UTF-8, with `\n` at line ends. However long it is, no
 * more of it is in memory than a portion of its segments. The same segments give the same bytes.
 */
export async function* documentOf(format: TextFormat, source: DocumentSource): AsyncGenerator<Buffer> {
  if (format !== 'docx') {
    for await (const piece of textOf(format, source)) if (piece !== '') yield Buffer.from(piece);
    return;
  }
  const head = headOf(source);
  yield* zipOf(docxEntries(head, written(docxBody(head), paragraphs(source))));
}

async function* textOf(format: Exclude<TextFormat, 'docx'>, source: DocumentSource): AsyncGenerator<string> {
  const head = headOf(source);
  switch (format) {
    case 'json':
      return yield* json(source);
    case 'txt':
      return yield* written(txt(), turns(source));
    case 'md':
      return yield* written(md(), paragraphs(source));
    case 'tsv':
      return yield* written(tsv(), turns(source));
    case 'srt':
      return yield* written(srt(), cues(source));
    case 'vtt':
      return yield* written(vtt(head), cues(source));
    case 'lrc':
      return yield* written(lrc(head), cues(source));
    case 'ass':
      return yield* written(ass(head), cues(source));
    case 'ttml':
      return yield* written(ttml({ ...head, speakers: await speakersOf(source) }), cues(source));
  }
}

function headOf({ head, rules }: DocumentSource): DocumentHead {
  const language = head.task === 'translate' ? 'en' : bcp47Of(head.language);
  return { language, rtl: isRightToLeft(language), wordTimes: rules.wordTimes ?? true, speakers: [] };
}

async function* cues(source: DocumentSource): AsyncGenerator<readonly Cue[]> {
  const { language } = headOf(source);
  const maker = new CueMaker(source.rules, language, source.head.durationMs || Number.POSITIVE_INFINITY);
  for await (const portion of textSegments(source)) yield maker.add(portion);
  yield maker.end();
}

/** A translation is in one language, whatever was spoken in each segment. */
async function* textSegments({ head, segments }: DocumentSource): AsyncGenerator<readonly Segment[]> {
  for await (const portion of segments()) {
    yield head.task === 'translate' ? portion.map(({ language: _, ...segment }) => segment) : portion;
  }
}

async function* turns(source: DocumentSource): AsyncGenerator<readonly Turn[]> {
  const maker = new TurnMaker(headOf(source).language);
  for await (const portion of textSegments(source)) yield portion.flatMap((segment) => maker.turnsOf(segment));
}

async function* paragraphs(source: DocumentSource): AsyncGenerator<readonly Turn[]> {
  const maker = new ParagraphMaker(headOf(source).language);
  for await (const portion of textSegments(source)) yield maker.add(portion);
  yield maker.end();
}

/** In the order of their first words. */
async function speakersOf({ segments }: DocumentSource): Promise<string[]> {
  const speakers = new Set<string>();
  for await (const portion of segments()) {
    for (const { speaker, words } of portion) {
      for (const word of words) {
        const name = word.speaker ?? speaker;
        if (name !== undefined) speakers.add(name);
      }
    }
  }
  return [...speakers];
}

/** One item is held back: only the next one tells whether it was the last. */
async function* written<Item>(writer: Writer<Item>, portions: AsyncIterable<readonly Item[]>): AsyncGenerator<string> {
  let place = 0;
  let held: Item | undefined;
  yield writer.head;
  for await (const portion of portions) {
    let text = '';
    for (const item of portion) {
      if (held !== undefined) text += writer.item(held, place++, item);
      held = item;
    }
    yield text;
  }
  if (held !== undefined) yield writer.item(held, place, undefined);
  yield writer.tail ?? '';
}

/** The bytes of JSON.stringify() of the whole: its words stand behind all segments, so they are gone through twice. */
async function* json({ head, segments }: DocumentSource): AsyncGenerator<string> {
  const empty = JSON.stringify(transcriptOf({ ...head, segments: [] }));
  const lists = '"segments":[],"word_segments":[]}';
  if (!empty.endsWith(lists)) throw new Error(`a transcript ends with its lists, not with ${empty.slice(-80)}`);
  yield `${empty.slice(0, -lists.length)}"segments":[`;
  yield* items(segments(), (segment) => [JSON.stringify(transcriptSegmentOf(segment))]);
  yield '],"word_segments":[';
  yield* items(segments(), (segment) => transcriptSegmentOf(segment).words.map((word) => JSON.stringify(word)));
  yield ']}\n';
}

async function* items(
  portions: AsyncIterable<readonly Segment[]>,
  textsOf: (segment: Segment) => string[],
): AsyncGenerator<string> {
  let first = true;
  for await (const portion of portions) {
    const texts = portion.flatMap(textsOf);
    if (texts.length === 0) continue;
    yield `${first ? '' : ','}${texts.join(',')}`;
    first = false;
  }
}
