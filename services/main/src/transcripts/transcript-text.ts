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
import { documentOf } from '@mediajob/speech/text';

/** A transcript in a text format, as the finalize step would have written it. */
export async function textOf(transcript: Transcript, format: TextFormat, rules: SubtitleRules): Promise<Buffer> {
  if (format === 'json') return Buffer.from(`${JSON.stringify(transcript)}\n`);
  const { language, languageProbability, task, model, durationMs } = transcript;
  const segments = transcript.segments.map(segmentOf);
  const head = { language: whisperLanguageOf(language) ?? 'en', languageProbability, task, model, durationMs };
  const pieces: Buffer[] = [];
  const source = {
    ...{ head, rules },
    async *segments() {
      yield segments;
    },
  };
  for await (const piece of documentOf(format, source)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What of a segment stands in texts; how sure the engine was does not. */
function segmentOf({ start, end, text, words, doubts, speaker }: TranscriptSegment): Segment {
  return {
    ...{ startMs: ms(start), endMs: ms(end), text, words: words.map(wordOf), doubts: doubts ?? [] },
    ...(speaker !== undefined && { speaker }),
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
