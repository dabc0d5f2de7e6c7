import type { Transcript, TranscriptSegment } from '@mediajob/contract';
import { compressionRatioOf } from '@mediajob/speech/text';
import { textOf } from '../transcripts/transcript-text.js';
import type { OpenAiRequest } from './openai-request.js';
import { PLAIN_SUBTITLES, separator, spokenLanguage, textOfTranscript } from './spoken-text.js';

export interface Answer {
  readonly type: string;
  readonly body: string;
}

/** A transcript in the format that the client asked for. Times are seconds. */
export async function openAiAnswer(transcript: Transcript, request: OpenAiRequest): Promise<Answer> {
  const text = textOfTranscript(transcript);
  switch (request.format) {
    case 'text':
      return { type: 'text/plain; charset=utf-8', body: `${text}\n` };
    case 'srt':
    case 'vtt':
      return {
        type: request.format === 'vtt' ? 'text/vtt; charset=utf-8' : 'application/x-subrip; charset=utf-8',
        body: (await textOf(transcript, request.format, PLAIN_SUBTITLES)).toString('utf8'),
      };
    case 'verbose_json':
      return json(verbose(transcript, text, request));
    case 'json':
      return json({ text, usage: usageOf(transcript) });
  }
}

/** Events of a streamed transcript: what is said piece by piece, then all of it. */
export function openAiEvents(transcript: Transcript): object[] {
  const deltas: object[] = [];
  let said = '';
  for (const { text } of transcript.segments) {
    const delta = separator(said, text) + text.trim();
    said += delta;
    deltas.push({ type: 'transcript.text.delta', delta });
  }
  return [...deltas, { type: 'transcript.text.done', text: said, usage: usageOf(transcript) }];
}

function verbose(transcript: Transcript, text: string, { words, segments }: OpenAiRequest): object {
  const { task, durationMs } = transcript;
  return {
    task,
    language: spokenLanguage(transcript),
    duration: durationMs / 1000,
    text,
    ...(segments && { segments: transcript.segments.map(verboseSegment) }),
    ...(words && { words: transcript.word_segments.map(({ word, start, end }) => ({ word, start, end })) }),
    usage: usageOf(transcript),
  };
}

/** Without what Whisper's first API said of its insides and nobody here keeps: seek, tokens, temperature. */
export function verboseSegment(segment: TranscriptSegment, id: number): object {
  const { start, end, text, avg_logprob, no_speech_prob } = segment;
  return { id, start, end, text, avg_logprob, no_speech_prob, compression_ratio: compressionRatioOf(text) };
}

function usageOf({ durationMs }: Transcript): object {
  return { type: 'duration', seconds: Math.ceil(durationMs / 1000) };
}

function json(body: object): Answer {
  return { type: 'application/json; charset=utf-8', body: JSON.stringify(body) };
}
