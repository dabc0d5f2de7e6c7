import type { Segment, SubtitleRules } from '@mediajob/contract';
import { breakCost, type CueWord, endsSentence, PAUSE_MS } from './breaks.js';
import { breakLines, linesNeeded, widthOf } from './lines.js';
import { isUnspaced, plainText, textWidth } from './scripts.js';

/** One subtitle: what is shown, and from when to when, in ms. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  readonly lines: readonly string[];
}

/** Timed-text rules of Netflix's style guide; frames are those of 24 a second. */
export const CUE_TIMING = {
  shortestMs: 833,
  longestMs: 7000,
  /** Two frames stay empty between cues, so that a viewer sees the change. */
  gapMs: 84,
  /** A cue may stay for twelve frames after the last word, and smaller gaps than that are closed to two frames. */
  lingerMs: 500,
  /** Letters a second that an adult reads. */
  lettersPerSecond: 17,
} as const;

/** A pause that no cue reaches over. */
const HARD_PAUSE_MS = 2000;

/** Weights of what is undesirable in one cue, in the unit of {@link breakCost}. */
const WEIGHT = {
  cue: 8,
  pauseInside: 30,
  sentenceEndInside: 10,
  tooShort: 20,
  letterTooFast: 1.5,
  fewLetters: 9,
  secondLine: 1,
} as const;
const FEW_LETTERS = 14;

/**
 * Subtitles for segments. They are built from words, not by wrapping segments: of all ways to cut the words into cues
 * that fit the rules, the one is taken that cuts at the best places, shows cues long enough to be read, and reaches
 * over no pause. Every word is in exactly one cue; cues are in order and do not overlap.
 *
 * @param segments in order; a segment whose text was edited keeps the times of its words as far as they can be told
 * @param rules longest line (East Asian letters count twice) and most lines
 * @param language BCP-47 or Whisper's code of the text
 * @param durationMs length of the media, if known: no cue stays longer
 */
export function cuesOf(
  segments: readonly Segment[],
  rules: SubtitleRules,
  language: string,
  durationMs: number = Number.POSITIVE_INFINITY,
): Cue[] {
  const maker = new CueMaker(rules, language, durationMs);
  return [...maker.add(segments), ...maker.end()];
}

/** {@link cuesOf} for segments that come in portions: memory is that of the words between two pauses. */
export class CueMaker {
  readonly #rules: SubtitleRules;
  readonly #language: string;
  readonly #durationMs: number;
  /** Since the last pause: beyond one, nothing depends on each other. */
  #words: CueWord[] = [];
  #last: CueWord | undefined;

  constructor(rules: SubtitleRules, language: string, durationMs: number = Number.POSITIVE_INFINITY) {
    this.#rules = rules;
    this.#language = language;
    this.#durationMs = durationMs;
  }

  /** @returns the cues that nothing to come can change */
  add(segments: readonly Segment[]): Cue[] {
    const cues: Cue[] = [];
    for (const segment of segments) {
      for (const word of wordsOf(segment, this.#last)) {
        if (this.#last !== undefined && word.startMs - this.#last.endMs >= HARD_PAUSE_MS) {
          cues.push(...this.#cut(word.startMs));
        }
        this.#words.push(word);
        this.#last = word;
      }
    }
    return cues;
  }

  /** @returns the rest */
  end(): Cue[] {
    return this.#cut(undefined);
  }

  #cut(nextStartMs: number | undefined): Cue[] {
    const cues = cut(this.#words, this.#rules, this.#language, nextStartMs ?? this.#durationMs);
    this.#words = [];
    return cues.map((cue, i) => ({
      startMs: cue[0]?.startMs ?? 0,
      endMs: endOf(cue, cues[i + 1]?.[0]?.startMs ?? nextStartMs, this.#durationMs),
      lines: breakLines(cue, this.#rules, this.#language),
    }));
  }
}

/** @param before the word before the segment */
function wordsOf(segment: Segment, before: CueWord | undefined): CueWord[] {
  const words: CueWord[] = [];
  let at = 0;
  segment.words.forEach((word, i) => {
    const text = plainText(word.text);
    if (text === '') return;
    const found = segment.text.indexOf(word.text, at);
    const previous = words.at(-1) ?? before;
    // The text tells where spaces are; where it does not know the word, the scripts do.
    const spaced =
      i === 0 || found === -1
        ? previous !== undefined && !(isUnspaced(previous.text) && isUnspaced(text))
        : /\s/u.test(segment.text.charAt(found - 1));
    if (found !== -1) at = found + word.text.length;
    words.push({
      text,
      spaced,
      width: textWidth(text),
      startMs: word.startMs,
      endMs: word.endMs,
      first: i === 0,
      endsSentence: endsSentence(text),
    });
  });
  return words;
}

/** The cheapest way to cut words into cues, by dynamic programming over the place of the last cut. */
function cut(words: readonly CueWord[], rules: SubtitleRules, language: string, nextStartMs: number): CueWord[][] {
  const cost = new Float64Array(words.length + 1).fill(Number.POSITIVE_INFINITY);
  const cutBefore = new Int32Array(words.length + 1);
  cost[0] = 0;
  const borders = words.map((word, i) => {
    const next = words[i + 1];
    return next === undefined ? 0 : pausedCost(word, next, language);
  });
  for (let start = 0; start < words.length; start++) {
    for (let end = start + 1; end <= words.length; end++) {
      const cue = words.slice(start, end);
      const lines = linesNeeded(cue, rules);
      const first = words[start] as CueWord;
      const last = words[end - 1] as CueWord;
      // One word must be shown, however long it is or lasts.
      if (cue.length > 1 && (lines === undefined || last.endMs - first.startMs > CUE_TIMING.longestMs)) break;
      const next = words[end];
      const total =
        (cost[start] ?? 0) + (borders[end - 1] ?? 0) + cueCost(cue, lines ?? 1, next?.startMs ?? nextStartMs);
      if (total < (cost[end] ?? 0)) {
        cost[end] = total;
        cutBefore[end] = start;
      }
    }
  }
  const cues: CueWord[][] = [];
  for (let end = words.length; end > 0; end = cutBefore[end] ?? 0) cues.push(words.slice(cutBefore[end], end));
  return cues.reverse();
}

/** A pause makes any place a good one. */
function pausedCost(left: CueWord, right: CueWord, language: string): number {
  const cost = breakCost(left, right, language);
  return cost * (1 - Math.min(1, Math.max(0, right.startMs - left.endMs) / PAUSE_MS));
}

function cueCost(cue: readonly CueWord[], lines: number, nextStartMs: number): number {
  let cost: number = WEIGHT.cue + WEIGHT.secondLine * (lines - 1);
  const letters = widthOf(cue);
  cue.forEach((word, i) => {
    const next = cue[i + 1];
    if (next === undefined) return;
    if (next.startMs - word.endMs >= PAUSE_MS) cost += WEIGHT.pauseInside;
    if (word.endsSentence) cost += WEIGHT.sentenceEndInside;
  });
  const startMs = cue[0]?.startMs ?? 0;
  const shownMs = Math.max(1, endOf(cue, nextStartMs, Number.POSITIVE_INFINITY) - startMs);
  if (shownMs < CUE_TIMING.shortestMs) cost += WEIGHT.tooShort;
  cost += WEIGHT.letterTooFast * Math.max(0, (letters * 1000) / shownMs - CUE_TIMING.lettersPerSecond);
  if (letters < FEW_LETTERS) cost += WEIGHT.fewLetters;
  return cost;
}

/** When a cue goes: after its last word, later where it needs time to be read and there is room. */
function endOf(cue: readonly CueWord[], nextStartMs: number | undefined, durationMs: number): number {
  const startMs = cue[0]?.startMs ?? 0;
  const spokenMs = cue.at(-1)?.endMs ?? 0;
  const next = nextStartMs ?? Number.POSITIVE_INFINITY;
  const readable = startMs + (widthOf(cue) * 1000) / CUE_TIMING.lettersPerSecond;
  let end = Math.max(spokenMs, startMs + CUE_TIMING.shortestMs, Math.min(readable, spokenMs + CUE_TIMING.lingerMs));
  if (next - end <= CUE_TIMING.lingerMs) end = next;
  end = Math.min(end, Math.max(spokenMs, startMs + CUE_TIMING.longestMs), Math.max(spokenMs, durationMs));
  // Only a cue that would hardly be seen does without the gap.
  const latest = next - CUE_TIMING.gapMs;
  if (end > latest) end = latest >= startMs + 2 * CUE_TIMING.gapMs ? latest : Math.min(end, next);
  return Math.round(end);
}
