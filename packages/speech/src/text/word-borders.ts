import { isUnspaced } from './scripts.js';

/** What meets between two words that follow each other. */
export interface Border {
  /** The word that ends there, as the language has it: where no spaces are written, of several of our words. */
  readonly before: string;
  readonly after: string;
  /** Whether it is the middle of a word, since ours are single letters there. */
  readonly inside: boolean;
}

interface Written {
  readonly text: string;
  readonly spaced: boolean;
}

/**
 * The borders before words[1], words[2] …; Chinese, Japanese, Thai and their like are parted into words by ICU's
 * dictionaries, which Node carries.
 * @param language BCP-47 or Whisper's code
 */
export function bordersOf(words: readonly Written[], language: string): Border[] {
  const borders: Border[] = words.slice(1).map((word, i) => ({
    before: bare((words[i] as Written).text),
    after: bare(word.text),
    inside: false,
  }));
  for (let from = 0; from < words.length; ) {
    let to = from + 1;
    while (to < words.length && joins(words[to - 1] as Written, words[to] as Written)) to++;
    if (to - from > 1) split(words.slice(from, to), from, language, borders);
    from = to;
  }
  return borders;
}

function joins(left: Written, right: Written): boolean {
  return !right.spaced && (isUnspaced(left.text) || isUnspaced(right.text));
}

/** Parts a run of words without spaces, which begins at `from` of all. */
function split(run: readonly Written[], from: number, language: string, borders: Border[]): void {
  const tokens = [...segmenterOf(language).segment(run.map((it) => it.text).join(''))];
  let token = 0;
  let at = 0;
  for (let i = 1; i < run.length; i++) {
    at += (run[i - 1] as Written).text.length;
    while (token + 1 < tokens.length && (tokens[token + 1]?.index ?? 0) <= at) token++;
    const here = tokens[token];
    const begins = here?.index === at;
    // A border lies between two tokens, or in the middle of one.
    let last = token - 1;
    while (last >= 0 && tokens[last]?.isWordLike === false) last--;
    borders[from + i - 1] = {
      before: bare((begins ? tokens[last]?.segment : here?.segment) ?? ''),
      after: bare(here?.segment ?? ''),
      inside: !begins,
    };
  }
}

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterOf(language: string): Intl.Segmenter {
  let segmenter = segmenters.get(language);
  if (segmenter === undefined) {
    segmenter = new Intl.Segmenter(language, { granularity: 'word' });
    segmenters.set(language, segmenter);
  }
  return segmenter;
}

/** A word as the lists have it. */
function bare(text: string): string {
  return text.toLowerCase().replace(/[\p{P}]/gu, '');
}
