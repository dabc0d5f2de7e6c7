import type { Segment, SubtitleRules, TextFormat } from '@mediajob/contract';
import { type Cue, CueMaker } from './cues.js';
import { type TranscriptInput, transcriptOf, transcriptSegmentOf } from './transcript.js';
import { LRC, SRT, TSV, TXT, VTT, type Writer } from './writers.js';

/** What the documents of a transcript are made of. */
export interface DocumentSource {
  readonly head: Omit<TranscriptInput, 'segments'>;
  readonly rules: SubtitleRules;
  /** All segments in order, in portions of any size, from the beginning at each call. */
  segments(): AsyncIterable<readonly Segment[]>;
}

/**
 * A transcript in one of the text formats, piece by piece; UTF-8, `\n` at line ends. However long it is, no more of it
 * is in memory than a portion of its segments.
 */
export function documentOf(format: TextFormat, source: DocumentSource): AsyncIterable<string> {
  switch (format) {
    case 'json':
      return json(source);
    case 'txt':
      return written(TXT, source.segments());
    case 'tsv':
      return written(TSV, source.segments());
    case 'srt':
      return written(SRT, cuePortions(source));
    case 'vtt':
      return written(VTT, cuePortions(source));
    case 'lrc':
      return written(LRC, cuePortions(source));
  }
}

async function* cuePortions({ head, rules, segments }: DocumentSource): AsyncGenerator<readonly Cue[]> {
  const maker = new CueMaker(rules, head.task === 'translate' ? 'en' : head.language);
  for await (const portion of segments()) yield maker.add(portion);
  yield maker.end();
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
