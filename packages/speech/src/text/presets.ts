import type { SubtitlePreset, SubtitleRules } from '@mediajob/contract';

/** What cues are held to. Widths are {@link textWidth}: an East Asian wide letter counts twice. */
export interface CueRules {
  readonly maxCharsPerLine: number;
  readonly maxLines: number;
  /** Most words a cue, as the language has them: Chinese ones are of several letters. */
  readonly maxWords: number;
  /** Fastest reading, width a second. */
  readonly maxCharsPerSecond: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Least time without a cue between two of them. */
  readonly minGapMs: number;
  /** Smaller gaps than this are closed to the least one: a short flash of the bare picture disturbs. */
  readonly closeGapMs: number;
  /** How long a cue may stay after its last word so that it is read at ease. */
  readonly lingerMs: number;
  /** Cues are the segments as they were heard, cut only where they would break a limit. */
  readonly bySegment: boolean;
}

const NONE = Number.POSITIVE_INFINITY;

/**
 * - netflix: general requirements (two lines, 5/6 s to 7 s, two frames of 24 a second between cues, gaps below half a
 *   second closed, twelve frames after the speech) and the reading speeds for captions in the language that is spoken,
 *   https://partnerhelp.netflixstudios.com/hc/en-us/articles/215758617
 * - bbc: lines of 68 % of the picture's width, about 37 letters; at most 180 words a minute, which at six letters with
 *   their space are 18 a second; a second a cue at least; at most 1.5 s after the speech; no gap, or one of a second
 *   and more, https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles
 * - youtube: 32 letters as in CEA-608, whose grid its player shows; 1 to 6 s, cues follow each other without a gap.
 * - short: what upright videos show: three words on one line in the middle of the picture.
 */
const PRESETS: Readonly<Record<SubtitlePreset, CueRules>> = {
  netflix: {
    ...{ maxCharsPerLine: 42, maxLines: 2, maxWords: NONE, maxCharsPerSecond: 20, bySegment: false },
    ...{ minMs: 833, maxMs: 7000, minGapMs: 84, closeGapMs: 500, lingerMs: 500 },
  },
  bbc: {
    ...{ maxCharsPerLine: 37, maxLines: 2, maxWords: NONE, maxCharsPerSecond: 18, bySegment: false },
    ...{ minMs: 1000, maxMs: 7000, minGapMs: 0, closeGapMs: 1000, lingerMs: 1500 },
  },
  youtube: {
    ...{ maxCharsPerLine: 32, maxLines: 2, maxWords: NONE, maxCharsPerSecond: 21, bySegment: false },
    ...{ minMs: 1000, maxMs: 6000, minGapMs: 0, closeGapMs: 300, lingerMs: 500 },
  },
  short: {
    ...{ maxCharsPerLine: 20, maxLines: 1, maxWords: 3, maxCharsPerSecond: 30, bySegment: false },
    ...{ minMs: 250, maxMs: 3000, minGapMs: 0, closeGapMs: 300, lingerMs: 200 },
  },
  raw: {
    ...{ maxCharsPerLine: NONE, maxLines: 1, maxWords: NONE, maxCharsPerSecond: NONE, bySegment: true },
    ...{ minMs: 0, maxMs: NONE, minGapMs: 0, closeGapMs: 0, lingerMs: 0 },
  },
};

type Limits = Partial<Pick<CueRules, 'maxCharsPerLine' | 'maxCharsPerSecond'>>;

/**
 * Where a language has limits of its own. Netflix gives them for captions in the spoken language: Chinese 16 letters a
 * line and 11 a second, Japanese 23 and 7, Korean 16 and 14, Thai 35 a line, Arabic 23 and Hindi 25 a second.
 */
const NETFLIX: Readonly<Record<string, Limits>> = {
  zh: { maxCharsPerLine: 32, maxCharsPerSecond: 22 },
  ja: { maxCharsPerLine: 46, maxCharsPerSecond: 14 },
  ko: { maxCharsPerLine: 32, maxCharsPerSecond: 28 },
  th: { maxCharsPerLine: 35 },
  ar: { maxCharsPerSecond: 23 },
  hi: { maxCharsPerSecond: 25 },
};

/** East Asian letters say more: half as many are read in a second, so their doubled width is as fast as Latin letters. */
const EAST_ASIAN_SPEED: Readonly<Record<string, number>> = { zh: 22, ja: 16, ko: 28 };

/**
 * What the rules of a job come to.
 * @param language BCP-47 or Whisper's code of the text
 */
export function cueRules(rules: SubtitleRules, language: string): CueRules {
  const preset = rules.preset ?? 'netflix';
  const { maxCharsPerLine, maxLines, maxCharsPerSecond, minMs, maxMs, minGapMs } = rules;
  const given = Object.fromEntries(
    Object.entries({ maxCharsPerLine, maxLines, maxCharsPerSecond, minMs, maxMs, minGapMs }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  const base = { ...PRESETS[preset], ...limitsOf(preset, familyOf(language)), ...given };
  // Raw cues have one line of any length; with a length they have as many lines as were allowed, or are cut.
  return { ...base, closeGapMs: Math.max(base.closeGapMs, base.minGapMs) };
}

function limitsOf(preset: SubtitlePreset, family: string): Limits {
  if (preset === 'raw') return {};
  if (preset === 'netflix') return NETFLIX[family] ?? {};
  const speed = EAST_ASIAN_SPEED[family];
  return speed === undefined || preset === 'short' ? {} : { maxCharsPerSecond: speed };
}

/** Cantonese is written as Chinese is. */
function familyOf(language: string): string {
  const primary = language.toLowerCase().split(/[-_]/, 1)[0] ?? '';
  return primary === 'yue' ? 'zh' : primary;
}
