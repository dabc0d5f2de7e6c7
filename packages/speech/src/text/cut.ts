import { breakCosts, WHOLE_FROM } from './breaks.js';
import { cueEnd } from './cue-time.js';
import type { CueWord } from './cue-words.js';
import { LineCount, layOut, type WordRow } from './lines.js';
import type { CueRules } from './presets.js';

/** Speech stops for at least this long: a cue should not reach over it. */
const PAUSE_MS = 700;

/** Weights of what is undesirable in one cue, in the unit of {@link breakCosts}. What a preset forbids weighs most. */
const WEIGHT = {
  cue: 8,
  pauseInside: 30,
  sentenceEndInside: 10,
  tooShort: 50,
  shorterMs: 0.05,
  tooFast: 30,
  letterTooFast: 4,
  fewLetters: 9,
  secondLine: 1,
  /** A cut between lines is seen all at once: it matters less than one between cues. */
  lineCut: 0.4,
} as const;
const FEW_LETTERS = 14;

/** Words of one cue, and where its lines end. */
export interface CutCue {
  readonly from: number;
  readonly to: number;
  readonly lineEnds: readonly number[];
}

/** The words between two places that no cue reaches over. */
export interface Stretch {
  readonly words: readonly CueWord[];
  /** Start of the next word after them; infinite when there is none. */
  readonly nextMs: number;
  readonly durationMs: number;
}

/**
 * The cheapest way to cut words into cues and lines, by dynamic programming over the place of the last cut. One cost
 * function weighs where cues and lines are cut, how even lines are, whether a cue can be read in its time, and what
 * pauses and ends of sentences it reaches over. Only what cannot be helped breaks a limit: a word alone is shown,
 * however long it is or lasts.
 */
export function cutCues({ words, nextMs, durationMs }: Stretch, rules: CueRules, language: string): CutCue[] {
  if (words.length === 0) return [];
  const row = new Row(words, breakCosts(words, language), rules);
  const cost = new Float64Array(row.length + 1).fill(Number.POSITIVE_INFINITY);
  const before: { from: number; lines: number }[] = [];
  cost[0] = 0;
  for (let from = 0; from < row.length; from++) {
    const lines = new LineCount(row, from, rules);
    let inside = 0;
    for (let to = from + 1; to <= row.length; to++) {
      lines.add(to);
      if (to > from + 1 && !mayHold(row, from, to, lines.count, rules)) break;
      if (to > from + 1) inside += row.inside(to - 1);
      const next = to < row.length ? row.startMs(to) : nextMs;
      const total =
        (cost[from] ?? 0) +
        (to < row.length ? row.cueCut(to) : 0) +
        WEIGHT.cue +
        WEIGHT.secondLine * (lines.count - 1) +
        WEIGHT.lineCut * layOut(row, from, to, lines.count, rules).cost +
        (rules.bySegment ? 0 : inside + timeCost(row, from, to, next, durationMs, rules));
      if (total < (cost[to] ?? 0)) {
        cost[to] = total;
        before[to] = { from, lines: lines.count };
      }
    }
  }
  const cues: CutCue[] = [];
  for (let to = row.length; to > 0; ) {
    const { from, lines } = before[to] as (typeof before)[number];
    const { ends } = layOut(row, from, to, lines, rules);
    cues.push({ from: row.wordAt(from), to: row.wordAt(to), lineEnds: ends.map((end) => row.wordAt(end)) });
    to = from;
  }
  return cues.reverse();
}

function mayHold(row: Row, from: number, to: number, lines: number, rules: CueRules): boolean {
  const lastsMs = row.endMs(to) - row.startMs(from);
  return lines <= rules.maxLines && lastsMs <= rules.maxMs && to - from <= rules.maxWords;
}

function timeCost(row: Row, from: number, to: number, nextMs: number, durationMs: number, rules: CueRules): number {
  const startMs = row.startMs(from);
  const width = row.width(from, to);
  const shownMs = cueEnd({ startMs, endMs: row.endMs(to), width, nextMs, durationMs }, rules) - startMs;
  const missingMs = rules.minMs - shownMs;
  const tooFast = (width * 1000) / shownMs - rules.maxCharsPerSecond;
  const few = Math.min(FEW_LETTERS, rules.maxCharsPerLine / 3);
  return (
    (missingMs > 0 ? WEIGHT.tooShort + missingMs * WEIGHT.shorterMs : 0) +
    (tooFast > 0 ? WEIGHT.tooFast + Math.min(tooFast, 100) * WEIGHT.letterTooFast : 0) +
    (width < few ? WEIGHT.fewLetters : 0)
  );
}

/**
 * Words with sums over them, so that any piece of them is measured at once. What must stay together — the letters of a
 * Chinese word, a small kana and the one before — is one place here, unless it is longer than a line.
 */
class Row implements WordRow {
  readonly length: number;
  readonly #words: readonly CueWord[];
  readonly #costs: readonly number[];
  /** First word of each place, and their number at the end. */
  readonly #starts: number[] = [0];
  /** Width of all words before each place, with their spaces. */
  readonly #widths: number[] = [0];

  constructor(words: readonly CueWord[], costs: readonly number[], rules: CueRules) {
    this.#words = words;
    this.#costs = costs;
    let sum = 0;
    let begin = 0;
    words.forEach((word, i) => {
      const space = word.spaced ? 1 : 0;
      const whole = i > 0 && (costs[i - 1] ?? 0) >= WHOLE_FROM;
      const lastsMs = word.endMs - (words[begin] as CueWord).startMs;
      const width = sum + space + word.width - (this.#widths.at(-1) ?? 0);
      if (i > 0 && !(whole && width <= rules.maxCharsPerLine && lastsMs <= rules.maxMs)) {
        begin = i;
        this.#starts.push(i);
        this.#widths.push(sum);
      }
      sum += space + word.width;
    });
    this.length = this.#starts.length;
    this.#starts.push(words.length);
    this.#widths.push(sum);
  }

  wordAt(place: number): number {
    return this.#starts[place] ?? 0;
  }

  startMs(place: number): number {
    return this.#first(place).startMs;
  }

  /** End of the word before a place. */
  endMs(place: number): number {
    return this.#last(place).endMs;
  }

  width(from: number, to: number): number {
    const space = this.#first(from).spaced ? 1 : 0;
    return (this.#widths[to] ?? 0) - (this.#widths[from] ?? 0) - space;
  }

  cut(at: number): number {
    return this.#costs[this.wordAt(at) - 1] ?? 0;
  }

  /** Of a cut between cues: a pause makes any place a good one. */
  cueCut(at: number): number {
    return this.cut(at) * (1 - Math.min(1, Math.max(0, this.#pauseMs(at)) / PAUSE_MS));
  }

  /** What it costs that a cue goes on at a place. */
  inside(at: number): number {
    return (
      (this.#pauseMs(at) >= PAUSE_MS ? WEIGHT.pauseInside : 0) +
      (this.#last(at).endsSentence ? WEIGHT.sentenceEndInside : 0)
    );
  }

  #pauseMs(at: number): number {
    return this.startMs(at) - this.endMs(at);
  }

  #first(place: number): CueWord {
    return this.#words[this.wordAt(place)] as CueWord;
  }

  #last(place: number): CueWord {
    return this.#words[this.wordAt(place) - 1] as CueWord;
  }
}
