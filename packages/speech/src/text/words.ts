import type { Window, Word } from '@mediajob/contract';
import { isUnspaced, plainText, punctuationKind, textWidth } from './scripts.js';
import { type Character, charactersOf } from './utf8.js';

/** A token as an engine heard it; times in absolute ms of the file. */
export interface HeardToken {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly probability: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Ids from here on are no text in any Whisper vocabulary: end of text, languages, tasks, timestamps. */
const FIRST_SPECIAL_ID = 50_256;
/** A word is not shorter than this where there is room. */
const SHORTEST_MS = 20;
/**
 * Alignment marks well where a token ends; its start is the end of the one before, so a word after a pause would last
 * through the pause. One that takes this many times longer than its letters suggest is taken to have begun later: as if
 * it were spoken slowly.
 */
const STRETCHED = 2.5;
const STRETCHED_FROM_MS = 450;
const SLOWLY = 1.5;
/** Nobody speaks more slowly than this on average. */
const SLOWEST_MS_PER_LETTER = 120;

/** A dash after a sentence opens what the next speaker says. */
const DASH = /^\p{Pd}+$/u;
const SENTENCE_END = /[.!?…。！？]["'”»)]*$/u;

interface Draft {
  text: string;
  startMs: number;
  endMs: number;
  /** Whether white space stood before it. */
  spaced: boolean;
  tokens: Set<number>;
  lastToken: number;
}

/**
 * The words that tokens make up. Words end at white space; scripts that have none give a word for each grapheme.
 * Punctuation belongs to its word. Times are whole ms, increase strictly, and lie inside the window.
 *
 * @param tokens in order; special ones are dropped
 * @param language Whisper's code
 * @param window bounds in absolute ms
 */
export function wordsOfTokens(tokens: readonly HeardToken[], language: string, window: Window): Word[] {
  const spoken = tokens.filter((token) => token.id < FIRST_SPECIAL_ID && token.bytes.length > 0);
  const drafts = attachPunctuation(split(charactersOf(spoken), spoken, language));
  for (const draft of drafts) draft.text = plainText(draft.text);
  const words = drafts
    .filter((draft) => draft.text !== '')
    .map((draft) => ({
      startMs: draft.startMs,
      endMs: draft.endMs,
      text: draft.text,
      probability: mean([...draft.tokens].map((index) => spoken[index]?.probability ?? 0)),
    }));
  return fitWords(unstretch(words), window);
}

function split(characters: readonly Character[], tokens: readonly HeardToken[], language: string): Draft[] {
  const drafts: Draft[] = [];
  let spaced = false;
  let open: Draft | undefined;
  for (const grapheme of graphemes(characters, language)) {
    const text = grapheme.map((it) => it.text).join('');
    if (/^[\s\p{Cc}\p{Zl}\p{Zp}]+$/u.test(text)) {
      open = undefined;
      spaced = true;
      continue;
    }
    // Inside a word (don't, 3.5, U.S.) punctuation is a letter like any other; around graphemes it is attached later.
    const joins =
      open !== undefined &&
      !isUnspaced(text) &&
      !isUnspaced(open.text) &&
      punctuationKind(open.text) !== 'opening' &&
      (punctuationKind(text) !== 'opening' || text < '\u0080');
    const startMs = timeOf(grapheme[0]?.from, tokens);
    const endMs = timeOf(grapheme.at(-1)?.to, tokens);
    if (joins && open !== undefined) {
      open.text += text;
      // A mark lasts through the silence after its word; only a letter behind it (3.5, don't) makes the word longer.
      const sameToken = grapheme[0]?.from.token === open.lastToken;
      if (sameToken || punctuationKind(text) === undefined) open.endMs = Math.max(open.endMs, endMs);
    } else {
      open = { text, startMs, endMs, spaced, tokens: new Set(), lastToken: 0 };
      drafts.push(open);
    }
    spaced = false;
    open.lastToken = grapheme.at(-1)?.to.token ?? open.lastToken;
    for (const it of grapheme) for (let i = it.from.token; i <= it.to.token; i++) open.tokens.add(i);
  }
  return drafts;
}

/** Characters grouped by what a person takes for one: a letter with its marks, an emoji with its modifiers. */
function* graphemes(characters: readonly Character[], language: string): Generator<Character[]> {
  let index = 0;
  for (const { segment } of segmenterOf(language).segment(characters.map((it) => it.text).join(''))) {
    const group: Character[] = [];
    for (let length = 0; length < segment.length; index++) {
      const character = characters[index];
      if (character === undefined) break;
      group.push(character);
      length += character.text.length;
    }
    yield group;
  }
}

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterOf(language: string): Intl.Segmenter {
  let segmenter = segmenters.get(language);
  if (segmenter === undefined) {
    segmenter = new Intl.Segmenter(language, { granularity: 'grapheme' });
    segmenters.set(language, segmenter);
  }
  return segmenter;
}

/** Time of a place inside a token: letters are taken to be equally long. */
function timeOf(place: Character['from'] | undefined, tokens: readonly HeardToken[]): number {
  const token = tokens[place?.token ?? 0];
  if (token === undefined || place === undefined) return 0;
  return token.startMs + (token.endMs - token.startMs) * place.share;
}

/** Joins what is only punctuation to the word that it belongs to: opening marks to the next, all others to the last. */
function attachPunctuation(drafts: readonly Draft[]): Draft[] {
  const result: Draft[] = [];
  let pending: Draft | undefined;
  drafts.forEach((draft, index) => {
    const kind = punctuationKind(draft.text);
    const last = result.at(-1);
    const toNext =
      kind === 'opening' ||
      (kind === 'ambiguous' && draft.spaced) ||
      last === undefined ||
      (draft.spaced && DASH.test(draft.text) && SENTENCE_END.test(last.text));
    if (kind !== undefined && toNext && index + 1 < drafts.length) {
      pending = pending === undefined ? draft : joined(pending, draft);
    } else if (kind !== undefined && last !== undefined && pending === undefined) {
      result[result.length - 1] = joined(last, draft);
    } else {
      // The mark has no length of its own that a listener would hear: the word begins where the word begins.
      result.push(pending === undefined ? draft : { ...joined(pending, draft), startMs: draft.startMs });
      pending = undefined;
    }
  });
  return result;
}

function joined(left: Draft, right: Draft): Draft {
  return {
    text: `${left.text}${right.spaced ? ' ' : ''}${right.text}`,
    startMs: left.startMs,
    endMs: Math.max(left.endMs, punctuationKind(right.text) === undefined ? right.endMs : left.endMs),
    spaced: left.spaced,
    tokens: new Set([...left.tokens, ...right.tokens]),
    lastToken: right.lastToken,
  };
}

function unstretch(words: Word[]): Word[] {
  const letters = (word: Word) => Math.max(1, textWidth(word.text));
  const usual = median(words.map((word) => (word.endMs - word.startMs) / letters(word)));
  return words.map((word) => {
    const expected = Math.min(usual, SLOWEST_MS_PER_LETTER) * letters(word);
    const stretched = word.endMs - word.startMs > Math.max(STRETCHED_FROM_MS, STRETCHED * expected);
    return stretched ? { ...word, startMs: word.endMs - Math.max(SLOWLY * expected, SHORTEST_MS) } : word;
  });
}

/**
 * Whole ms, strictly increasing, inside the bounds; otherwise as near as possible to what they were. Should there be
 * more words than ms, neighbours are joined.
 */
export function fitWords(words: readonly Word[], { startMs, endMs }: Window): Word[] {
  const room = endMs - startMs;
  if (words.length === 0 || room < 1) return [];
  if (words.length > room) return fitWords(joinNeighbours(words, room), { startMs, endMs });
  const shortest = Math.max(1, Math.min(SHORTEST_MS, Math.floor(room / words.length)));
  const fitted: Word[] = [];
  let last = startMs;
  words.forEach((word, index) => {
    const following = words.length - 1 - index;
    // What comes after must still find room, and what came before is done.
    const latestEnd = endMs - following * shortest;
    const start = between(whole(word.startMs, startMs), last, latestEnd - shortest);
    const next = words[index + 1];
    const wanted = Math.min(whole(word.endMs, start), next === undefined ? latestEnd : whole(next.startMs, latestEnd));
    const end = between(wanted, start + shortest, latestEnd);
    fitted.push({ ...word, startMs: start, endMs: end, probability: between(word.probability, 0, 1) });
    last = end;
  });
  return fitted;
}

function joinNeighbours(words: readonly Word[], most: number): Word[] {
  const size = Math.ceil(words.length / most);
  return Array.from({ length: Math.ceil(words.length / size) }, (_, i) => {
    const group = words.slice(i * size, (i + 1) * size);
    const first = group[0] as Word;
    return {
      ...first,
      endMs: group.at(-1)?.endMs ?? first.endMs,
      text: group.map((it) => it.text).join(' '),
      probability: mean(group.map((it) => it.probability)),
    };
  });
}

function whole(value: number, otherwise: number): number {
  return Number.isFinite(value) ? Math.round(value) : otherwise;
}

function between(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, Number.isNaN(value) ? low : value));
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = [...values].filter(Number.isFinite).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
