import {
  type Segment,
  type SubtitleRules,
  type TextFormat,
  type Transcript,
  type TranscriptSegment,
  type TranscriptWord,
  type Word,
  whisperLanguageOf,
} from '@mediajob/contract';
import { documentOf } from './documents.js';

/** A transcript that was read in one of the text formats: the bytes that the finalize step would have written. */
export function documentOfTranscript(
  transcript: Transcript,
  format: TextFormat,
  rules: SubtitleRules,
): AsyncIterable<Buffer> {
  const { language, languageProbability, task, model, durationMs } = transcript;
  const segments = transcript.segments.map(segmentOf);
  return documentOf(format, {
    head: { language: whisperLanguageOf(language) ?? 'en', languageProbability, task, model, durationMs },
    rules,
    async *segments() {
      yield segments;
    },
  });
}

/** What of a segment stands in texts; how sure the engine was does not. */
function segmentOf({ start, end, text, words, doubts, speaker, language }: TranscriptSegment): Segment {
  const code = language === undefined ? undefined : whisperLanguageOf(language);
  return {
    ...{ startMs: ms(start), endMs: ms(end), text, words: words.map(wordOf), doubts: doubts ?? [] },
    ...(speaker !== undefined && { speaker }),
    ...(code !== undefined && { language: code }),
    ...{ avgLogprob: 0, noSpeechProbability: 0, compressionRatio: 0, temperature: 0 },
  };
}

function wordOf({ word, start, end, score, speaker }: TranscriptWord): Word {
  const spoken = { text: word, startMs: ms(start), endMs: ms(end), probability: score };
  return speaker === undefined ? spoken : { ...spoken, speaker };
}

function ms(seconds: number): number {
  return Math.round(seconds * 1000);
}
