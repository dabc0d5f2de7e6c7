import type { DOUBTS, Segment, Window } from '@mediajob/contract';
import { loops } from '../text/segments.js';
import { isAnnotation } from './annotation.js';
import { clampToSpeech } from './clamp.js';
import { omissionsOf, unheardMs } from './omissions.js';
import { isWrittenOtherwise } from './script-of-language.js';
import { lengthOf, overlapMs, padded } from './spans.js';

export type Doubt = (typeof DOUBTS)[number];

/** What is known of a window besides what an engine heard in it. */
export interface Evidence {
  readonly window: Window;
  /** Where somebody speaks, in order; undefined when no map was made. */
  readonly speech: readonly Window[] | undefined;
  /** Whether the map tells speech from other sounds; one made from loudness alone does not. */
  readonly tellsSpeech: boolean;
  /** Whisper's code of the language that the text should be in. */
  readonly language: string;
}

/** What was heard in a window, what is doubtful about it, and how much. */
export interface Review {
  readonly segments: readonly Segment[];
  /** Speech that has no words. */
  readonly omissions: readonly Window[];
  /** All reasons, of segments and omissions; empty: nothing is to be mended. */
  readonly doubts: readonly Doubt[];
  /** ms of audio that is badly heard: see {@link penaltyOf}. */
  readonly penaltyMs: number;
  /** Mean natural-log probability of its words; −Infinity when there are none. */
  readonly avgLogprob: number;
}

/** Speech begins softly and ends softly, and times of words are not exact. */
const AROUND_SPEECH_MS = 400;
/** Words with less speech than this below them were invented, or the map is wrong. */
const LITTLE_SPEECH = 0.1;
/** With this much speech below them, what the model says of "no speech" is wrong. */
const MUCH_SPEECH = 0.5;
/** Without speech below it, text that the model is not sure of either is dropped: normal speech has −0.1 to −0.5. */
const UNSURE_ON_SILENCE = -0.5;
const NO_SPEECH_ON_SILENCE = 0.3;

/**
 * Checks what an engine heard in a window. Descriptions of sounds are left out, and so is text on which a map that tells
 * speech finds none while the model is unsure, too: two witnesses. What only one of them doubts stays, and is marked. Words
 * keep to speech, with 400 ms of room.
 */
export function reviewWindow(heard: readonly Segment[], evidence: Evidence): Review {
  const { window, speech, tellsSpeech, language } = evidence;
  const around = speech && padded(speech, AROUND_SPEECH_MS);
  const segments = heard.flatMap((segment) => {
    if (isAnnotation(segment.text)) return [];
    const share = around === undefined ? undefined : shareOf(segment, around);
    if (tellsSpeech && share !== undefined && share < LITTLE_SPEECH && isUnsure(segment)) return [];
    const doubts = new Set(segment.doubts);
    if (share !== undefined && share < LITTLE_SPEECH) doubts.add('no-sound');
    if (tellsSpeech && share !== undefined && share >= MUCH_SPEECH) doubts.delete('no-speech');
    if (isWrittenOtherwise(segment.text, language)) doubts.add('language');
    return [{ ...(around === undefined ? segment : clampToSpeech(segment, around)), doubts: [...doubts] }];
  });
  const looping = repeating(segments);
  const marked = segments.map((segment, i) =>
    looping.has(i) && !segment.doubts.includes('repetition')
      ? { ...segment, doubts: [...segment.doubts, 'repetition' as const] }
      : segment,
  );
  const words = marked.flatMap((it) => it.words);
  // Loudness alone takes music for speech: without a single word it is more likely music.
  const believed = tellsSpeech || words.length > 0;
  const omissions = speech === undefined || !believed ? [] : omissionsOf(words, speech, window);
  return {
    segments: marked,
    omissions,
    doubts: [...new Set([...marked.flatMap((it) => it.doubts), ...omissions.map(() => 'omission' as const)])],
    penaltyMs: penaltyOf(marked) + (speech === undefined ? 0 : unheardMs(words, speech, window)),
    avgLogprob: meanLogprob(marked),
  };
}

/** Share of a segment's words that lies on speech. */
function shareOf(segment: Segment, speech: readonly Window[]): number {
  const total = segment.words.reduce((sum, it) => sum + lengthOf(it), 0);
  if (total === 0) return 0;
  return segment.words.reduce((sum, it) => sum + overlapMs(it, speech), 0) / total;
}

function isUnsure(segment: Segment): boolean {
  return segment.avgLogprob < UNSURE_ON_SILENCE || segment.noSpeechProbability > NO_SPEECH_ON_SILENCE;
}

/** Positions of segments that belong to a loop which goes over their borders, such as the same sentence five times. */
function repeating(segments: readonly Segment[]): ReadonlySet<number> {
  const found = new Set<number>();
  const texts = segments.map((it) => it.text);
  for (let from = 0; from < texts.length; from++) {
    let to = from + 1;
    while (to < texts.length && texts[to] === texts[from]) to += 1;
    if (loops(texts.slice(from, to))) for (let i = from; i < to; i++) found.add(i);
  }
  return found;
}

/**
 * How much a doubt weighs, for each ms of its segment: words that are not there, twice there or of another language count as
 * fully wrong, unsure ones as half wrong, so that unsure words are better than none. Speech without words counts fully.
 */
const WEIGHTS: Record<Doubt, number> = {
  repetition: 1,
  'no-sound': 1,
  language: 1,
  'low-confidence': 0.5,
  'no-speech': 0.5,
  omission: 1,
};

function penaltyOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, it) => sum + lengthOf(it) * Math.max(0, ...it.doubts.map((doubt) => WEIGHTS[doubt])), 0);
}

function meanLogprob(segments: readonly Segment[]): number {
  const words = segments.reduce((sum, it) => sum + it.words.length, 0);
  if (words === 0) return Number.NEGATIVE_INFINITY;
  return segments.reduce((sum, it) => sum + it.avgLogprob * it.words.length, 0) / words;
}

/** Less of a difference is chance: word times alone move this much between two decodings. */
const SAME_PENALTY_MS = 250;
const SAME_LOGPROB = 0.05;

/**
 * Whether `later` is to be taken instead of `earlier`: less audio is badly heard in it; at about as much, its words are
 * likelier. In doubt the earlier one stays, so that the order of attempts decides and nothing else.
 */
export function isBetter(later: Review, earlier: Review): boolean {
  const difference = later.penaltyMs - earlier.penaltyMs;
  if (Math.abs(difference) > SAME_PENALTY_MS) return difference < 0;
  return later.avgLogprob > earlier.avgLogprob + SAME_LOGPROB;
}
