import {
  bcp47Of,
  type Segment,
  type Transcript,
  type TranscriptSegment,
  type TranscriptWord,
  type WhisperLanguage,
  type Window,
  type Word,
  whisperLanguageOf,
} from '@mediajob/contract';

export interface TranscriptInput {
  readonly segments: readonly Segment[];
  /** Spoken language, Whisper's code. */
  readonly language: WhisperLanguage;
  readonly languageProbability: number;
  readonly task: 'transcribe' | 'translate';
  readonly model: string;
  readonly durationMs: number;
  /** Speech without words, ms. */
  readonly omissions?: readonly Window[];
}

/** The transcript document, in WhisperX's shape. Its language is that of the text: English for a translation. */
export function transcriptOf(input: TranscriptInput): Transcript {
  const segments = input.segments.map(transcriptSegmentOf);
  return {
    schemaVersion: 1,
    language: input.task === 'translate' ? 'en' : bcp47Of(input.language),
    languageProbability: round(input.languageProbability),
    task: input.task,
    model: input.model,
    durationMs: input.durationMs,
    ...(input.omissions !== undefined &&
      input.omissions.length > 0 && {
        omissions: input.omissions.map((it) => ({ start: seconds(it.startMs), end: seconds(it.endMs) })),
      }),
    segments,
    word_segments: segments.flatMap((segment) => segment.words),
  };
}

export function transcriptSegmentOf(segment: Segment): TranscriptSegment {
  return {
    start: seconds(segment.startMs),
    end: seconds(segment.endMs),
    text: segment.text,
    avg_logprob: round(segment.avgLogprob),
    no_speech_prob: round(segment.noSpeechProbability),
    words: segment.words.map(wordOf),
    ...speakerOf(segment),
    ...(segment.doubts.length > 0 ? { doubts: segment.doubts } : {}),
    ...(segment.language === undefined ? {} : { language: tagOf(segment.language) }),
    ...(segment.model === undefined ? {} : { model: segment.model }),
  };
}

function tagOf(code: string): string {
  const language = whisperLanguageOf(code);
  return language === undefined ? code : bcp47Of(language);
}

function wordOf(word: Word): TranscriptWord {
  return {
    word: word.text,
    start: seconds(word.startMs),
    end: seconds(word.endMs),
    score: round(word.probability),
    ...speakerOf(word),
  };
}

function speakerOf({ speaker }: Pick<Word, 'speaker'>): Pick<Word, 'speaker'> {
  return speaker === undefined ? {} : { speaker };
}

function seconds(ms: number): number {
  return ms / 1000;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
