import type { Segment, SubtitleRules } from '@mediajob/contract';
import { cueEnd } from './cue-time.js';
import { type CueWord, cueWordsOf, lineOf, widthOf } from './cue-words.js';
import { type CutCue, cutCues, type Stretch } from './cut.js';
import { type CueRules, cueRules } from './presets.js';

/** One subtitle: what is shown, and from when to when, in ms. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  readonly lines: readonly string[];
  /** The words of each line. */
  readonly words: readonly (readonly TimedText[])[];
  /** BCP-47 or Whisper's code of its text. */
  readonly language: string;
  readonly speaker: string | undefined;
  /** Whether another one spoke before, or nobody: formats without voices then name the speaker. */
  readonly turn: boolean;
}

export type TimedText = Pick<CueWord, 'text' | 'spaced' | 'startMs' | 'endMs'>;

/** A pause that no cue reaches over. */
const HARD_PAUSE_MS = 2000;

/**
 * Subtitles for segments. They are built from words, not by wrapping segments: of all ways to cut the words into cues
 * that fit the rules, the one is taken that cuts at the best places, shows cues long enough to be read, and reaches
 * over no pause. Every word is in exactly one cue; cues are in order and do not overlap; in each one person speaks, in one
 * language.
 *
 * @param segments in order; a segment whose text was edited keeps the times of its words as far as they can be told
 * @param language BCP-47 or Whisper's code of the text, where segments name none of their own
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
  readonly #wanted: SubtitleRules;
  /** Of the language of the words at hand. */
  #rules: CueRules;
  readonly #language: string;
  readonly #durationMs: number;
  /** Since the last place that no cue reaches over: beyond one, nothing depends on each other. */
  #words: CueWord[] = [];
  #last: CueWord | undefined;

  constructor(rules: SubtitleRules, language: string, durationMs: number = Number.POSITIVE_INFINITY) {
    this.#wanted = rules;
    this.#rules = cueRules(rules, language);
    this.#language = language;
    this.#durationMs = durationMs;
  }

  /** @returns the cues that nothing to come can change */
  add(segments: readonly Segment[]): Cue[] {
    const cues: Cue[] = [];
    for (const segment of segments) {
      for (const word of cueWordsOf(segment, this.#last, this.#language)) {
        if (this.#last !== undefined && this.#parts(this.#last, word)) cues.push(...this.#cut(word.startMs));
        if (word.language !== this.#last?.language) this.#rules = cueRules(this.#wanted, word.language);
        this.#words.push(word);
        this.#last = word;
      }
    }
    return cues;
  }

  /** @returns the rest */
  end(): Cue[] {
    return this.#cut(Number.POSITIVE_INFINITY);
  }

  /** Whether no cue may hold both. */
  #parts(left: CueWord, right: CueWord): boolean {
    if (right.speaker !== left.speaker || right.language !== left.language) return true;
    return this.#rules.bySegment ? right.first : right.startMs - left.endMs >= HARD_PAUSE_MS;
  }

  #cut(nextMs: number): Cue[] {
    const stretch = { words: this.#words, nextMs, durationMs: this.#durationMs };
    const cuts = cutCues(stretch, this.#rules, this.#words[0]?.language ?? this.#language);
    this.#words = [];
    return cuts.map((cut) => cueOf(cut, stretch, this.#rules));
  }
}

function cueOf({ from, to, lineEnds }: CutCue, { words, nextMs, durationMs }: Stretch, rules: CueRules): Cue {
  const first = words[from] as CueWord;
  const lines = [from, ...lineEnds].map((begin, i) => words.slice(begin, lineEnds[i] ?? to));
  const spoken = {
    startMs: first.startMs,
    endMs: (words[to - 1] as CueWord).endMs,
    width: widthOf(words.slice(from, to)),
    nextMs: words[to]?.startMs ?? nextMs,
    durationMs,
  };
  return {
    startMs: first.startMs,
    endMs: cueEnd(spoken, rules),
    lines: lines.map(lineOf),
    words: lines,
    language: first.language,
    speaker: first.speaker,
    turn: first.turn,
  };
}
