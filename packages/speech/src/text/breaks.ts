/**
 * Where subtitles may be cut, and how good a place each is. After the broadcasters' style guides: after punctuation,
 * before conjunctions and prepositions, never between an article and its noun.
 */

/** A word as cues are made of it. */
export interface CueWord {
  readonly text: string;
  /** Whether a space stands before it on a line. */
  readonly spaced: boolean;
  /** On a line, without that space. */
  readonly width: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Whether it begins a segment. */
  readonly first: boolean;
  readonly endsSentence: boolean;
}

/** Costs of a cut, from best to worst. The unit is arbitrary; cues.ts weighs length and time in the same one. */
const COST = { sentence: 0, segment: 3, clause: 5, conjunction: 8, preposition: 10, anywhere: 15, bound: 28 } as const;

/** Speech stops for at least this long: a cue should not reach over it. */
export const PAUSE_MS = 700;

const SENTENCE_END = /[.!?…。！？؟۔।։]["'”’»)\]」』]*$/u;
const CLAUSE_END = /[,;:、，；：،؛–—-]["'”’»)\]」』]*$/u;

/** Words that a cut is good before. */
const CONJUNCTIONS: Record<string, ReadonlySet<string>> = {
  en: set(
    'and but or nor so yet because although though while when where who which that if unless until since as than',
  ),
  ru: set(
    'и а но или либо что чтобы если когда где куда который которая которое которые потому хотя пока как чем зато',
  ),
};
const PREPOSITIONS: Record<string, ReadonlySet<string>> = {
  en: set(
    'in on at by for with about against between into through during before after above below to from of over under without within',
  ),
  ru: set('в во на с со к ко по о об обо от до из изо у за для при про через под подо над перед без между около после'),
};
/** Words that hold on to the next one: a cut after them is bad. */
const LEANING: Record<string, ReadonlySet<string>> = {
  en: set(
    'a an the my your his her its our their this these those no very is are was were be mr mrs ms dr i you he she we they',
  ),
  ru: set('не ни очень мой твой его её их наш ваш этот эта это эти тот та те бы'),
};

function set(words: string): ReadonlySet<string> {
  return new Set(words.split(' '));
}

/**
 * Cost of a cut between two words that follow each other.
 * @param language BCP-47 or Whisper's code; English and Russian have lists of words, others go by punctuation alone
 */
export function breakCost(left: CueWord, right: CueWord, language: string): number {
  if (left.endsSentence) return COST.sentence;
  const clause = CLAUSE_END.test(left.text);
  if (right.first && clause) return COST.segment;
  if (clause) return COST.clause;
  const primary = language.split('-', 1)[0] ?? '';
  const before = bare(left.text);
  const after = bare(right.text);
  const leans =
    LEANING[primary]?.has(before) || PREPOSITIONS[primary]?.has(before) || CONJUNCTIONS[primary]?.has(before);
  if (leans) return COST.bound;
  if (right.first) return COST.segment;
  if (CONJUNCTIONS[primary]?.has(after)) return COST.conjunction;
  if (PREPOSITIONS[primary]?.has(after)) return COST.preposition;
  return COST.anywhere;
}

export function endsSentence(text: string): boolean {
  return SENTENCE_END.test(text);
}

function bare(text: string): string {
  return text.toLowerCase().replace(/[\p{P}]/gu, '');
}
