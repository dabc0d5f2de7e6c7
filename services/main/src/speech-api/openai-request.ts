import { languageOf, modelOf, type SpeechWishes, wrongField } from './speech-request.js';

/** https://platform.openai.com/docs/api-reference/audio/createTranscription */
export const RESPONSE_FORMATS = ['json', 'text', 'srt', 'verbose_json', 'vtt'] as const;
export type ResponseFormat = (typeof RESPONSE_FORMATS)[number];

export interface OpenAiRequest {
  readonly wishes: SpeechWishes;
  readonly format: ResponseFormat;
  /** What a verbose answer lists. */
  readonly words: boolean;
  readonly segments: boolean;
  readonly stream: boolean;
}

type Fields = ReadonlyMap<string, readonly string[]>;

/**
 * What a form of OpenAI's transcription or translation API asks for. `temperature`, `chunking_strategy` and `include` are
 * taken and change nothing: decoding begins at 0 and goes up by itself where a window comes out doubtful.
 *
 * @throws ProblemError validation-failed, with the field in `errors`
 */
export function openAiRequest(fields: Fields, task: SpeechWishes['task'], standardModel: string): OpenAiRequest {
  const last = (name: string) => fields.get(name)?.at(-1);
  const format = last('response_format') ?? 'json';
  if (!isFormat(format)) {
    const why =
      format === 'diarized_json'
        ? 'cannot be diarized_json: speakers are not told apart here'
        : `must be one of ${RESPONSE_FORMATS.join(', ')}`;
    throw wrongField('response_format', why);
  }
  const granularities = fields.get('timestamp_granularities') ?? [];
  const unknown = granularities.find((it) => it !== 'word' && it !== 'segment');
  if (unknown !== undefined) throw wrongField('timestamp_granularities', 'must be word or segment');
  if (granularities.length > 0 && format !== 'verbose_json') {
    throw wrongField('timestamp_granularities', 'needs response_format verbose_json');
  }
  const temperature = last('temperature');
  if (temperature !== undefined && !(Number(temperature) >= 0 && Number(temperature) <= 1)) {
    throw wrongField('temperature', 'must be a number from 0 to 1');
  }
  const prompt = last('prompt')?.trim();
  return {
    wishes: {
      model: modelOf(last('model'), standardModel),
      // A translation is asked for without naming the language it is from.
      language: languageOf(last('language')),
      task,
      prompt: prompt === '' ? undefined : prompt,
    },
    format,
    words: granularities.includes('word'),
    segments: granularities.length === 0 || granularities.includes('segment'),
    stream: /^(true|1)$/i.test(last('stream') ?? ''),
  };
}

function isFormat(text: string): text is ResponseFormat {
  return (RESPONSE_FORMATS as readonly string[]).includes(text);
}
