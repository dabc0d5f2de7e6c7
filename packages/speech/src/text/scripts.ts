/**
 * What words, widths and spaces depend on: the script of each character, since one transcript mixes several.
 */

/** Scripts that put no space between words. Their letters carry no punctuation, though `scx` counts 。 among them. */
const UNSPACED =
  /^(?!\p{P})[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Bopomofo}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}\p{scx=Tibetan}]/u;

/** Whether a grapheme is of a script that puts no space between words. */
export function isUnspaced(grapheme: string): boolean {
  return UNSPACED.test(grapheme);
}

const MARK = /^[\p{M}\p{Cf}]$/u;
/** East Asian wide and fullwidth (Unicode's EastAsianWidth W and F), and emoji. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

/** Width of a text on a subtitle line: 1 for a letter, 2 for an East Asian wide one, 0 for a mark on another. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

const OPENING = /^[\p{Ps}\p{Pi}¿¡]+$/u;
const PUNCTUATION = /^\p{P}+$/u;
/** Quotation marks that look the same at both ends belong to what follows when a space is before them. */
const AMBIGUOUS = /^["'`]+$/u;

export type PunctuationKind = 'opening' | 'closing' | 'ambiguous';

/** How a text of nothing but punctuation attaches, or undefined for any other text. */
export function punctuationKind(text: string): PunctuationKind | undefined {
  if (!PUNCTUATION.test(text)) return undefined;
  if (OPENING.test(text)) return 'opening';
  return AMBIGUOUS.test(text) ? 'ambiguous' : 'closing';
}

/** Most words are this, and the expressions below are slow. */
const HARMLESS = /^[!-~]+$/;

/**
 * Text that no subtitle format, terminal or JSON reader stumbles over: one line, no control characters, no noncharacters,
 * no lone surrogates, white space as single spaces. Marks of direction and joiners stay: scripts need them.
 */
export function plainText(text: string): string {
  if (HARMLESS.test(text)) return text;
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[\ufffd\ufeff\ufff9-\ufffb\p{Noncharacter_Code_Point}]/gu, '')
    .replace(/ {2,}/g, ' ')
    .trim();
}
