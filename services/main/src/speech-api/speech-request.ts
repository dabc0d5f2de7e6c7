import { bcp47Of, languageName, TranscribeSpec, WHISPER_LANGUAGES } from '@mediajob/contract';
import { ProblemError, parseRequest } from '@mediajob/service';

/** What a client of either API wants of a recording; the same wishes for the same bytes are the same job. */
export interface SpeechWishes {
  readonly model: string;
  /** `auto`, or a BCP-47 tag. */
  readonly language: string;
  readonly task: TranscribeSpec['task'];
  readonly prompt: string | undefined;
}

/** Names that clients send when they mean “the one there is”. */
const ANY_MODEL = new Set(['', 'default', 'whisper', 'whisper-1']);

/**
 * The name of a model in the catalog: `whisper-1` is the default one, and publishers' prefixes (`openai/whisper-`,
 * `Systran/faster-whisper-`) are cut off.
 */
export function modelOf(asked: string | undefined, standard: string): string {
  const name = (asked ?? '').trim();
  if (ANY_MODEL.has(name.toLowerCase())) return standard;
  return name.replace(/^[\w.-]+\/(?=[\w.-]+$)/, '').replace(/^(faster-)?whisper-/, '');
}

const BY_NAME = new Map<string, string>(
  WHISPER_LANGUAGES.map((code) => [languageName(code).toLowerCase(), bcp47Of(code)]),
);

/** `auto`, a BCP-47 tag, or a language's English name such as “russian”. */
export function languageOf(asked: string | undefined): string {
  const text = (asked ?? '').trim();
  if (text === '') return 'auto';
  return BY_NAME.get(text.toLowerCase()) ?? text;
}

/** The part of a spec that speaks of the transcript. @throws ProblemError validation-failed, naming the API's own field */
export function transcribeSpecOf(wishes: SpeechWishes): TranscribeSpec {
  const { model, language, task, prompt } = wishes;
  try {
    return parseRequest(TranscribeSpec, { model, language, task, formats: ['json'], prompt });
  } catch (error) {
    const field = error instanceof ProblemError ? error.errors?.[0] : undefined;
    if (field === undefined) throw error;
    throw wrongField(field.path, field.message);
  }
}

/** The answer for a field of a form or a query that is not as it should be */
export function wrongField(path: string, message: string): ProblemError {
  return new ProblemError('validation-failed', `“${path}” ${message.replace(/\.$/, '')}.`, {
    errors: [{ path, message }],
  });
}
