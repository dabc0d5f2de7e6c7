import { languageName, type SubtitleRules, type Transcript, whisperLanguageOf } from '@mediajob/contract';
import { isUnspaced } from '@mediajob/speech/text';

/** What clients of both APIs read as text: no times inside the lines. */
export const PLAIN_SUBTITLES: SubtitleRules = { wordTimes: false };

/** The whole text on one line, segments parted by a space where their scripts have one. */
export function textOfTranscript({ segments }: Pick<Transcript, 'segments'>): string {
  return segments.reduce((text, segment) => text + separator(text, segment.text) + segment.text.trim(), '');
}

const LAST_LETTER = /([\p{L}\p{N}])[^\p{L}\p{N}]*$/u;
const FIRST_LETTER = /[\p{L}\p{N}]/u;

/** What stands between the text so far and the next segment. */
export function separator(before: string, next: string): string {
  if (before === '') return '';
  const last = LAST_LETTER.exec(before)?.[1] ?? '';
  const first = FIRST_LETTER.exec(next)?.[0] ?? '';
  return isUnspaced(last) && isUnspaced(first) ? '' : ' ';
}

/** The language's English name in small letters, as clients of both APIs expect it: “english”. */
export function spokenLanguage({ language }: Pick<Transcript, 'language'>): string {
  const code = whisperLanguageOf(language);
  return code === undefined ? language : languageName(code).toLowerCase();
}
