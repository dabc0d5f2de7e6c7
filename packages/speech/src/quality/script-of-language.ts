/*
 * Which scripts a language is written in, as far as they tell it from others. A model that slips into another language
 * (a Russian sentence in the middle of English) most often betrays itself by its letters.
 */
const CYRILLIC = /\p{Script=Cyrillic}/u;
const LATIN = /\p{Script=Latin}/u;
const ARABIC = /\p{Script=Arabic}/u;
const HEBREW = /\p{Script=Hebrew}/u;
const DEVANAGARI = /\p{Script=Devanagari}/u;
const CHINESE = /[\p{Script=Han}\p{Script=Bopomofo}]/u;
const JAPANESE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

const SCRIPTS = new Map<string, RegExp>([
  ...pairs(['ru', 'uk', 'be', 'bg', 'mk', 'kk', 'tg', 'tt', 'ba', 'mn'], CYRILLIC),
  ...pairs(['ar', 'fa', 'ur', 'ps', 'sd'], ARABIC),
  ...pairs(['he', 'yi'], HEBREW),
  ...pairs(['hi', 'mr', 'ne', 'sa'], DEVANAGARI),
  ...pairs(['zh', 'yue'], CHINESE),
  ['ja', JAPANESE],
  ['ko', /[\p{Script=Hangul}\p{Script=Han}]/u],
  ['el', /\p{Script=Greek}/u],
  ['hy', /\p{Script=Armenian}/u],
  ['ka', /\p{Script=Georgian}/u],
  ['am', /\p{Script=Ethiopic}/u],
  ['bn', /\p{Script=Bengali}/u],
  ['as', /\p{Script=Bengali}/u],
  ['pa', /[\p{Script=Gurmukhi}\p{Script=Arabic}]/u],
  ['gu', /\p{Script=Gujarati}/u],
  ['ta', /\p{Script=Tamil}/u],
  ['te', /\p{Script=Telugu}/u],
  ['kn', /\p{Script=Kannada}/u],
  ['ml', /\p{Script=Malayalam}/u],
  ['si', /\p{Script=Sinhala}/u],
  ['th', /\p{Script=Thai}/u],
  ['lo', /\p{Script=Lao}/u],
  ['km', /\p{Script=Khmer}/u],
  ['my', /\p{Script=Myanmar}/u],
  ['bo', /\p{Script=Tibetan}/u],
  // Written in two scripts each: nothing follows from either.
  ...pairs(['sr', 'az', 'uz', 'tk', 'bs'], /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Arabic}]/u),
  ...pairs(['ms', 'ha', 'su', 'jw'], /[\p{Script=Latin}\p{Script=Arabic}]/u),
]);

function pairs(languages: readonly string[], script: RegExp): [string, RegExp][] {
  return languages.map((it) => [it, script]);
}

/** Names and abbreviations of other scripts are normal; less than this many letters say nothing. */
const FEW_LETTERS = 8;
const MOST_FOREIGN = 0.7;

/**
 * Whether a text is mostly in letters that the language is not written in.
 * @param language Whisper's code; one that is not listed above is written in Latin letters
 */
export function isWrittenOtherwise(text: string, language: string): boolean {
  const letters = text.match(/\p{L}/gu) ?? [];
  if (letters.length < FEW_LETTERS) return false;
  const own = SCRIPTS.get(language) ?? LATIN;
  const foreign = letters.filter((letter) => !own.test(letter)).length;
  return foreign / letters.length > MOST_FOREIGN;
}
