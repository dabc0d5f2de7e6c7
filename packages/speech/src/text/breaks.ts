import { breakWordsOf, capitalIsName, particlesOf } from './break-words.js';
import { type Border, bordersOf } from './word-borders.js';

/**
 * Where subtitles may be cut, and how good a place each is. After the broadcasters' style guides: after punctuation,
 * before conjunctions and prepositions, never between an article and its noun; after JIS X 4051 (kinsoku) no line
 * begins with a small kana or a mark that belongs to the letter before.
 */
interface BreakableWord {
  readonly text: string;
  readonly spaced: boolean;
  readonly first: boolean;
  readonly endsSentence: boolean;
}

/** Costs of a cut, from best to worst. The unit is arbitrary; cut.ts weighs length and time in the same one. */
const COST = {
  sentence: 0,
  segment: 3,
  clause: 5,
  conjunction: 8,
  preposition: 10,
  anywhere: 15,
  name: 22,
  bound: 28,
  insideWord: 45,
  forbidden: 90,
} as const;

/** From here on a cut is made only where a word is longer than a line. */
export const WHOLE_FROM = COST.insideWord;

const SENTENCE_END = /[.!?…。！？؟۔।։]["'”’»)\]」』]*$/u;
const CLAUSE_END = /[,;:、，；：،؛–—-]["'”’»)\]」』]*$/u;
/** What a line must not begin with: small kana, marks of length and repetition, and what closes. */
const NO_LINE_START =
  /^[ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶーｰ々〻ゝゞヽヾ、。，．・：；？！）」』】〉》\])}]/u;
/** What a line must not end with: what opens. */
const NO_LINE_END = /[（「『【〈《([{“‘«]$/u;
const NUMBER = /^[\p{N}.,:/-]+$/u;
const CAPITAL = /^\p{Lu}\p{Ll}/u;

/**
 * Cost of a cut before each of words[1], words[2] ….
 * @param language BCP-47 or Whisper's code; where no list of words is known, punctuation alone tells
 */
export function breakCosts(words: readonly BreakableWord[], language: string): number[] {
  const primary = language.toLowerCase().split(/[-_]/, 1)[0] ?? '';
  return bordersOf(words, language).map((border, i) =>
    breakCost(words[i] as BreakableWord, words[i + 1] as BreakableWord, border, primary),
  );
}

function breakCost(left: BreakableWord, right: BreakableWord, border: Border, language: string): number {
  if (NO_LINE_START.test(right.text) || NO_LINE_END.test(left.text)) return COST.forbidden;
  if (left.endsSentence) return COST.sentence;
  const clause = CLAUSE_END.test(left.text);
  if (clause) return right.first ? COST.segment : COST.clause;
  if (border.inside) return COST.insideWord;
  const { conjunctions, prepositions, leaning } = breakWordsOf(language);
  const { before, after } = border;
  if (leaning.has(before) || prepositions.has(before) || conjunctions.has(before)) return COST.bound;
  const particles = particlesOf(language);
  if (particles?.all.has(after)) return COST.bound;
  if (right.first) return COST.segment;
  if (conjunctions.has(after)) return COST.conjunction;
  if (prepositions.has(after)) return COST.preposition;
  if (particles?.closing.has(before)) return COST.conjunction;
  // Thai writes a space where a phrase ends; between Latin words it says nothing.
  if (right.spaced && /^(th|lo|km|my)$/.test(language)) return COST.clause;
  if (NUMBER.test(left.text)) return COST.name;
  if (capitalIsName(language) && CAPITAL.test(left.text) && CAPITAL.test(right.text)) return COST.name;
  return COST.anywhere;
}

export function endsSentence(text: string): boolean {
  return SENTENCE_END.test(text);
}
