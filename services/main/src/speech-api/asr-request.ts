import { languageOf, type SpeechWishes, wrongField } from './speech-request.js';

/** whisper-asr-webservice's outputs (https://ahmetoner.com/whisper-asr-webservice/endpoints/). */
export const ASR_OUTPUTS = ['txt', 'vtt', 'srt', 'tsv', 'json'] as const;
export type AsrOutput = (typeof ASR_OUTPUTS)[number];

export interface AsrRequest {
  readonly wishes: SpeechWishes;
  readonly output: AsrOutput;
  readonly words: boolean;
}

type Query = Readonly<Record<string, unknown>>;

/**
 * What a query of /asr asks for. `encode` and `vad_filter` are taken and change nothing: every format is decoded, and
 * silence is never transcribed.
 *
 * @throws ProblemError validation-failed, with the field in `errors`
 */
export function asrRequest(query: Query, model: string): AsrRequest {
  const text = (name: string): string | undefined => {
    const value = query[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const task = text('task') ?? 'transcribe';
  if (task !== 'transcribe' && task !== 'translate') throw wrongField('task', 'must be transcribe or translate');
  const output = text('output') ?? 'txt';
  if (!isOutput(output)) throw wrongField('output', `must be one of ${ASR_OUTPUTS.join(', ')}`);
  if (/^(true|1)$/i.test(text('diarize') ?? '')) {
    throw wrongField('diarize', 'cannot be true: speakers are not told apart here');
  }
  return {
    wishes: { model, language: languageOf(text('language')), task, prompt: text('initial_prompt') },
    output,
    words: /^(true|1)$/i.test(text('word_timestamps') ?? ''),
  };
}

function isOutput(text: string): text is AsrOutput {
  return (ASR_OUTPUTS as readonly string[]).includes(text);
}
