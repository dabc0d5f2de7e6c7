import { deflateSync } from 'node:zlib';
import type { Chunk, ChunkPlan, Part, Segment, Window } from '@mediajob/contract';
import { plainText } from './scripts.js';
import { charactersOf } from './utf8.js';
import { fitWords, type HeardToken, wordsOfTokens } from './words.js';

/** A segment as an engine heard it; times in absolute ms of the file. */
export interface HeardSegment {
  readonly startMs: number;
  readonly endMs: number;
  readonly tokens: readonly HeardToken[];
  readonly noSpeechProbability: number;
  /** Mean natural-log probability of its tokens. */
  readonly avgLogprob: number;
  readonly temperature: number;
}

/** Whisper's own limits (openai/whisper `transcribe`). */
const REPETITIVE_FROM = 2.4;
const UNSURE_BELOW = -1;
const NO_SPEECH_FROM = 0.6;
/** A run of this many equal n-grams is a loop and not speech. */
const LOOP = 5;
const LONGEST_NGRAM = 12;

/**
 * A segment of the contract: words with times, text, and what is doubtful about it.
 * @param language Whisper's code
 * @param window the piece of audio that it was decoded from
 */
export function segmentOf(heard: HeardSegment, language: string, window: Window): Segment {
  const bounds = { startMs: Math.round(window.startMs), endMs: Math.round(window.endMs) };
  const words = wordsOfTokens(timed(heard), language, bounds);
  const text = textOf(heard.tokens);
  const compressionRatio = compressionRatioOf(text);
  const startMs = words[0]?.startMs ?? clamp(heard.startMs, bounds);
  return {
    startMs,
    endMs: words.at(-1)?.endMs ?? Math.max(startMs, clamp(heard.endMs, bounds)),
    text,
    words,
    avgLogprob: heard.avgLogprob,
    noSpeechProbability: heard.noSpeechProbability,
    compressionRatio,
    temperature: heard.temperature,
    doubts: [
      ...(compressionRatio > REPETITIVE_FROM || loops(words.map((it) => it.text)) ? (['repetition'] as const) : []),
      ...(heard.avgLogprob < UNSURE_BELOW ? (['low-confidence'] as const) : []),
      ...(heard.noSpeechProbability > NO_SPEECH_FROM ? (['no-speech'] as const) : []),
    ],
  };
}

/**
 * The segments of one window, in order. Left out is what has no word, and what Whisper takes for invented on silence:
 * probably no speech *and* unsure of its tokens. One of both is only a doubt: phrases are never dropped by their text.
 */
export function segmentsOf(heard: readonly HeardSegment[], language: string, window: Window): Segment[] {
  const segments = heard.filter((it) => !isInvented(it)).map((it) => segmentOf(it, language, window));
  return refit(segments, { startMs: Math.round(window.startMs), endMs: Math.round(window.endMs) });
}

/** Makes the words of all segments increase strictly inside the bounds; segments without words are left out. */
function refit(segments: readonly Segment[], bounds: Window): Segment[] {
  const spoken = segments.filter((segment) => segment.words.length > 0);
  let count = spoken.reduce((sum, segment) => sum + segment.words.length, 0);
  // More words than ms: no speech, whatever the model says.
  while (count > bounds.endMs - bounds.startMs) count -= spoken.pop()?.words.length ?? count;
  const fitted = fitWords(
    spoken.flatMap((segment) => segment.words),
    bounds,
  );
  let next = 0;
  return spoken.map((segment) => {
    const words = fitted.slice(next, next + segment.words.length);
    next += words.length;
    return {
      ...segment,
      startMs: words[0]?.startMs ?? segment.startMs,
      endMs: words.at(-1)?.endMs ?? segment.endMs,
      words,
    };
  });
}

/** Whether Whisper's rule takes a segment for invented on silence. */
export function isInvented(heard: Pick<HeardSegment, 'noSpeechProbability' | 'avgLogprob'>): boolean {
  return heard.noSpeechProbability > NO_SPEECH_FROM && heard.avgLogprob < UNSURE_BELOW;
}

/** Bytes of a text divided by their number after zlib: speech has 1.2 to 2, a text in a loop far more. */
export function compressionRatioOf(text: string): number {
  const bytes = Buffer.byteLength(text);
  return bytes === 0 ? 0 : bytes / deflateSync(text).length;
}

/** Whether some run of words follows itself at least {@link LOOP} times in all. */
export function loops(words: readonly string[]): boolean {
  const plain = words.map((word) => word.toLowerCase().replace(/[\p{P}\s]/gu, ''));
  for (let n = 1; n <= Math.min(LONGEST_NGRAM, Math.floor(plain.length / LOOP)); n++) {
    let equal = 0;
    for (let i = n; i < plain.length; i++) {
      equal = plain[i] === plain[i - n] ? equal + 1 : 0;
      if (equal >= n * (LOOP - 1)) return true;
    }
  }
  return false;
}

function textOf(tokens: readonly HeardToken[]): string {
  const spoken = tokens.filter((token) => token.id < 50_256);
  return plainText(
    charactersOf(spoken)
      .map((it) => it.text)
      .join(''),
  );
}

/** Where the engine gave no times for tokens, they share the segment by their bytes. */
function timed({ tokens, startMs, endMs }: HeardSegment): readonly HeardToken[] {
  const known = tokens.some((token) => token.endMs > token.startMs);
  if (known || tokens.length === 0) return tokens;
  const total = tokens.reduce((sum, token) => sum + token.bytes.length, 0) || 1;
  let done = 0;
  return tokens.map((token) => {
    const from = startMs + ((endMs - startMs) * done) / total;
    done += token.bytes.length;
    return { ...token, startMs: from, endMs: startMs + ((endMs - startMs) * done) / total };
  });
}

function clamp(value: number, { startMs, endMs }: Window): number {
  return Math.max(startMs, Math.min(endMs, Math.round(value)));
}

/** A part is missing, there twice, or of another plan. */
export class MergeError extends Error {
  override readonly name = 'MergeError';
  readonly code = 'incomplete-parts';
}

/**
 * Joins the parts of all chunks. Words stay inside their chunk and increase strictly over the whole file.
 * Linear in the number of words: a day of speech takes well under a second.
 *
 * @param parts in any order, one a chunk of the plan
 * @throws {MergeError} naming the chunk
 */
export function mergeParts(parts: readonly Part[], plan: ChunkPlan): Segment[] {
  const byChunk = new Map(parts.map((part) => [part.chunk, part]));
  if (byChunk.size !== parts.length) throw new MergeError('Two parts are of the same chunk.');
  const merge = new PartMerge();
  return plan.chunks.flatMap((chunk) => {
    const part = byChunk.get(chunk.index);
    if (part === undefined)
      throw new MergeError(`The part of chunk ${chunk.index} is missing: its transcribe run has to be done again.`);
    return merge.add(part, chunk);
  });
}

/** {@link mergeParts} for parts that come one by one, in the order of their chunks. */
export class PartMerge {
  #last = 0;

  /** @throws {MergeError} naming the chunk */
  add(part: Part, chunk: Chunk): Segment[] {
    if (part.chunk !== chunk.index || part.startMs !== chunk.startMs || part.endMs !== chunk.endMs)
      throw new MergeError(`The part of chunk ${chunk.index} is of another plan: it has to be made again.`);
    const segments = refit(part.segments, { startMs: Math.max(chunk.startMs, this.#last), endMs: chunk.endMs });
    this.#last = segments.at(-1)?.endMs ?? this.#last;
    return segments;
  }
}
