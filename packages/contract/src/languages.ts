import { z } from 'zod';

/**
 * Whisper's languages in the order of its tokens (whisper.cpp 1.9.1, `g_lang`): id = index.
 * The last one, yue, exists only in models with 51,866 tokens (large-v3, large-v3-turbo).
 */
export const WHISPER_LANGUAGES = [
  'en',
  'zh',
  'de',
  'es',
  'ru',
  'ko',
  'fr',
  'ja',
  'pt',
  'tr',
  'pl',
  'ca',
  'nl',
  'ar',
  'sv',
  'it',
  'id',
  'hi',
  'fi',
  'vi',
  'he',
  'uk',
  'el',
  'ms',
  'cs',
  'ro',
  'da',
  'hu',
  'ta',
  'no',
  'th',
  'ur',
  'hr',
  'bg',
  'lt',
  'la',
  'mi',
  'ml',
  'cy',
  'sk',
  'te',
  'fa',
  'lv',
  'bn',
  'sr',
  'az',
  'sl',
  'kn',
  'et',
  'mk',
  'br',
  'eu',
  'is',
  'hy',
  'ne',
  'mn',
  'bs',
  'kk',
  'sq',
  'sw',
  'gl',
  'mr',
  'pa',
  'si',
  'km',
  'sn',
  'yo',
  'so',
  'af',
  'oc',
  'ka',
  'be',
  'tg',
  'sd',
  'gu',
  'am',
  'yi',
  'lo',
  'uz',
  'fo',
  'ht',
  'ps',
  'tk',
  'nn',
  'mt',
  'sa',
  'lb',
  'my',
  'bo',
  'tl',
  'mg',
  'as',
  'tt',
  'haw',
  'ln',
  'ha',
  'ba',
  'jw',
  'su',
  'yue',
] as const;
export type WhisperLanguage = (typeof WHISPER_LANGUAGES)[number];

/** BCP-47 subtags whose Whisper code differs. */
const ALIASES: Record<string, WhisperLanguage> = {
  jv: 'jw',
  nb: 'no',
  fil: 'tl',
  iw: 'he',
  in: 'id',
  ji: 'yi',
  cmn: 'zh',
  mo: 'ro',
};

/** Primary subtags of all tags that Whisper knows. */
export const KNOWN_LANGUAGES: readonly string[] = [...WHISPER_LANGUAGES, ...Object.keys(ALIASES)];

/**
 * Whisper's code for a BCP-47 tag (`pt-BR` → `pt`, `jv` → `jw`), or undefined when Whisper knows no such language.
 * Region and script are dropped: Whisper has one token a language.
 */
export function whisperLanguageOf(tag: string): WhisperLanguage | undefined {
  const primary = tag.toLowerCase().split(/[-_]/, 1)[0] ?? '';
  const code = ALIASES[primary] ?? primary;
  return (WHISPER_LANGUAGES as readonly string[]).includes(code) ? (code as WhisperLanguage) : undefined;
}

/** The BCP-47 tag of a Whisper code: what users, HTML `lang` and Intl understand. */
export function bcp47Of(code: WhisperLanguage): string {
  return code === 'jw' ? 'jv' : code;
}

/** English name of a Whisper language, as the OpenAI API prints it ("english"). */
export function languageName(code: WhisperLanguage): string {
  return new Intl.DisplayNames(['en'], { type: 'language' }).of(bcp47Of(code)) ?? code;
}

/** `auto`, or a tag whose language Whisper knows. */
export const LanguageChoice = z
  .string()
  .max(35)
  .regex(/^(auto|[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*)$/, 'must be "auto" or a BCP-47 tag such as en, ru or pt-BR')
  .refine((tag) => tag === 'auto' || whisperLanguageOf(tag) !== undefined, 'is not a language that Whisper knows')
  .describe('Spoken language: auto, or a BCP-47 tag such as en, ru or pt-BR.');

export const LanguageMode = z
  .enum(['perFile', 'perChunk'])
  .describe(
    'With language auto. perFile, also when left out: one language, found by a vote of several places. perChunk: each chunk of about a minute has its own, for recordings of mixed languages.',
  );
export type LanguageMode = z.infer<typeof LanguageMode>;
