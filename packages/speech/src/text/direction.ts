/** Languages of the world's right-to-left scripts, as far as Whisper knows them, with the newer and older codes. */
const RIGHT_TO_LEFT = new Set(['ar', 'he', 'iw', 'fa', 'ur', 'yi', 'ji', 'ps', 'sd', 'ckb', 'ug', 'dv']);

/** @param language BCP-47 or Whisper's code */
export function isRightToLeft(language: string): boolean {
  return RIGHT_TO_LEFT.has(language.toLowerCase().split(/[-_]/, 1)[0] ?? '');
}

/** Right-to-left mark; and embedding, with its end. */
const RLM = '\u200f';
const RLE = '\u202b';
const PDF = '\u202c';

const FIRST_STRONG = /[\p{L}\p{Nl}]/u;
const RTL_LETTER = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;

/**
 * What stands before a line for readers that find its direction by its first letter (HTML's `auto`, WebVTT): one that
 * begins with a foreign name would run the wrong way round.
 * @param rtl whether the text as a whole runs from right to left
 */
export function directionMark(line: string, rtl: boolean): string {
  const first = rtl ? FIRST_STRONG.exec(line)?.[0] : undefined;
  return first !== undefined && !RTL_LETTER.test(first) ? RLM : '';
}

/** A line with its {@link directionMark}. */
export function marked(line: string, rtl: boolean): string {
  return directionMark(line, rtl) + line;
}

/**
 * A line for players that lay everything out from left to right (SubRip, SSA): without the embedding a full stop stands
 * at the wrong end.
 */
export function embedded(line: string, rtl: boolean): string {
  return rtl && line !== '' ? `${RLE}${line}${PDF}` : line;
}
