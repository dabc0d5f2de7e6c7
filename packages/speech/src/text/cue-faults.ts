import { speakerLabel } from './cue-words.js';
import type { Cue } from './cues.js';
import type { CueRules } from './presets.js';
import { textWidth } from './scripts.js';

export const CUE_FAULTS = ['line', 'lines', 'words', 'short', 'long', 'fast', 'gap'] as const;
export type CueFault = (typeof CUE_FAULTS)[number];

/** How a list of cues keeps to its rules. */
export interface CueReport {
  readonly cues: number;
  /** Cues with no fault at all. */
  readonly inside: number;
  readonly faults: Readonly<Record<CueFault, number>>;
}

/** A millisecond is what times are rounded to. */
const SLACK_MS = 1;

/** Counts what is outside the rules. Independent of how cues were cut, so that it also judges those of others. */
export function checkCues(cues: readonly Cue[], rules: CueRules): CueReport {
  const faults: Record<CueFault, number> = { line: 0, lines: 0, words: 0, short: 0, long: 0, fast: 0, gap: 0 };
  let inside = 0;
  cues.forEach((cue, i) => {
    const found = faultsOf(cue, cues[i + 1], rules);
    for (const fault of found) faults[fault]++;
    if (found.length === 0) inside++;
  });
  return { cues: cues.length, inside, faults };
}

function faultsOf(cue: Cue, next: Cue | undefined, rules: CueRules): CueFault[] {
  const lastsMs = cue.endMs - cue.startMs;
  const label = cue.turn && cue.speaker !== undefined ? textWidth(speakerLabel(cue.speaker)) : 0;
  const widths = cue.lines.map((line, i) => textWidth(line) + (i === 0 ? label : 0));
  // Lines are read on: the break between two takes the place of a space.
  const letters = widths.reduce((sum, width) => sum + width, 0);
  const gapMs = next === undefined ? Number.POSITIVE_INFINITY : next.startMs - cue.endMs;
  const wrong: Record<CueFault, boolean> = {
    line: widths.some((width) => width > rules.maxCharsPerLine),
    lines: cue.lines.length > rules.maxLines,
    // Where no spaces are written, nobody else would count the same words.
    words: cue.lines.join(' ').split(' ').length > rules.maxWords,
    short: lastsMs < rules.minMs - SLACK_MS,
    long: lastsMs > rules.maxMs + SLACK_MS,
    fast: (letters * 1000) / (lastsMs + SLACK_MS) > rules.maxCharsPerSecond,
    gap: gapMs < rules.minGapMs,
  };
  return CUE_FAULTS.filter((fault) => wrong[fault]);
}
