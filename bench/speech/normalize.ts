/*
 * English as Whisper's own measure of word errors sees it (openai/whisper, `EnglishTextNormalizer`): lower case, without
 * punctuation, fillers and what stands in brackets; contractions and titles written out; numbers as digits.
 * Not ported: British spellings made American, Roman numerals, fractions, ordinals in digits, money other than dollars.
 */
const FILLERS = /\b(hmm|mm|mhm|mmm|uh|um)\b/g;
const CONTRACTIONS: readonly [RegExp, string][] = [
  [/\bwon't\b/g, 'will not'],
  [/\bcan't\b/g, 'can not'],
  [/\blet's\b/g, 'let us'],
  [/\bain't\b/g, 'aint'],
  [/\bgonna\b/g, 'going to'],
  [/\bgotta\b/g, 'got to'],
  [/\bwanna\b/g, 'want to'],
  [/\bmr\b/g, 'mister '],
  [/\bmrs\b/g, 'missus '],
  [/\bdr\b/g, 'doctor '],
  [/n't\b/g, ' not'],
  [/'re\b/g, ' are'],
  [/'s\b/g, ' is'],
  [/'d\b/g, ' would'],
  [/'ll\b/g, ' will'],
  [/'t\b/g, ' not'],
  [/'ve\b/g, ' have'],
  [/'m\b/g, ' am'],
];
const UNITS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES = new Map([
  ['thousand', 1e3],
  ['million', 1e6],
  ['billion', 1e9],
]);

export function normalizeEnglish(text: string): string {
  let it = text
    .toLowerCase()
    .replaceAll(/[<[][^>\]]*[>\]]|\([^)]*\)/g, '')
    .replaceAll('’', "'")
    .replaceAll(FILLERS, '');
  for (const [pattern, by] of CONTRACTIONS) it = it.replaceAll(pattern, by);
  it = it
    .replaceAll(/(\d),(?=\d)/g, '$1')
    .replaceAll(/\$(\d+(?:\.\d+)?)/g, '$1 dollars')
    .replaceAll(/(\d)%/g, '$1 percent')
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/\.(?!\d)|[^\p{L}\p{N}.]/gu, ' ');
  return inDigits(it.split(' ').filter(Boolean)).join(' ');
}

/** "eighteen sixty one" → 1861, "two hundred and five" → 205; words that are no numbers stay. */
function inDigits(words: readonly string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < words.length; ) {
    const [number, next] = numberAt(words, i);
    if (next === i) result.push(words[i++] as string);
    else {
      // A year: two numbers of two digits.
      const [second, after] = numberAt(words, next);
      if (after > next && number >= 10 && number < 100 && second >= 10 && second < 100) {
        result.push(String(number * 100 + second));
        i = after;
      } else {
        result.push(String(number));
        i = next;
      }
    }
  }
  return result;
}

/** The number that begins at a word, and where the next word is: the same place when there is none. */
function numberAt(words: readonly string[], from: number): [number, number] {
  let total = 0;
  let part = 0;
  let at = from;
  let last: 'none' | 'unit' | 'ten' | 'scale' = 'none';
  for (; at < words.length; at++) {
    const word = words[at] as string;
    const unit = UNITS.indexOf(word);
    const ten = TENS.indexOf(word);
    if (unit >= 0) {
      if (last === 'unit' || (last === 'ten' && (unit === 0 || unit > 9))) break;
      part += unit;
      last = 'unit';
    } else if (ten >= 0) {
      if (last === 'unit' || last === 'ten') break;
      part += 20 + ten * 10;
      last = 'ten';
    } else if (word === 'hundred' && part > 0 && part < 100) {
      part *= 100;
      last = 'scale';
    } else if (SCALES.has(word) && part > 0) {
      total += part * (SCALES.get(word) as number);
      part = 0;
      last = 'scale';
    } else if (word === 'and' && last === 'scale' && isNumber(words[at + 1])) {
      // "two hundred and five"
    } else break;
  }
  return [total + part, at];
}

const isNumber = (word: string | undefined): boolean =>
  word !== undefined && (UNITS.includes(word) || TENS.includes(word));
