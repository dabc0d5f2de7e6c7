import type { SubtitleRules } from '@mediajob/contract';
import { breakCost, type CueWord } from './breaks.js';

/** Words as they stand on one line. */
export function lineOf(words: readonly CueWord[]): string {
  return words.map((word, i) => (word.spaced && i > 0 ? ` ${word.text}` : word.text)).join('');
}

/** Width of words on one line. */
export function widthOf(words: readonly CueWord[]): number {
  return words.reduce((sum, word, i) => sum + word.width + (word.spaced && i > 0 ? 1 : 0), 0);
}

/**
 * How many lines words need at least. A word longer than a line has one for itself.
 * @returns undefined when they need more than the rules allow
 */
export function linesNeeded(
  words: readonly CueWord[],
  { maxCharsPerLine, maxLines }: SubtitleRules,
): number | undefined {
  let lines = 0;
  let width = Number.POSITIVE_INFINITY;
  for (const [i, word] of words.entries()) {
    const added = width + word.width + (word.spaced ? 1 : 0);
    if (i > 0 && added <= maxCharsPerLine) width = added;
    else {
      lines++;
      width = word.width;
      if (lines > maxLines) return undefined;
    }
  }
  return lines;
}

/**
 * Breaks a cue's words into as few lines as they need, where the cut is good and the lines are about equally long;
 * of two equal ways the one with the shorter line above.
 */
export function breakLines(words: readonly CueWord[], rules: SubtitleRules, language: string): string[] {
  const count = linesNeeded(words, rules) ?? words.length;
  if (count <= 1) return words.length === 0 ? [] : [lineOf(words)];
  const ideal = widthOf(words) / count;

  /** Best way to put words[from…] on `left` lines: its cost, and where each line but the last ends. */
  const best = (from: number, left: number): { cost: number; ends: number[] } | undefined => {
    if (left === 1) {
      const width = widthOf(words.slice(from));
      const fits = width <= rules.maxCharsPerLine || words.length - from === 1;
      return fits ? { cost: unevenness(width, ideal), ends: [] } : undefined;
    }
    let found: { cost: number; ends: number[] } | undefined;
    for (let end = from + 1; end <= words.length - left + 1; end++) {
      const width = widthOf(words.slice(from, end));
      if (width > rules.maxCharsPerLine && end > from + 1) break;
      const rest = best(end, left - 1);
      const [a, b] = [words[end - 1], words[end]];
      if (rest === undefined || a === undefined || b === undefined) continue;
      const top = width > ideal ? 0.5 : 0;
      const cost = rest.cost + unevenness(width, ideal) + breakCost(a, b, language) + top;
      if (found === undefined || cost < found.cost) found = { cost, ends: [end, ...rest.ends] };
    }
    return found;
  };
  const { ends } = best(0, count) ?? { ends: [] };
  return [0, ...ends].map((from, i) => lineOf(words.slice(from, ends[i] ?? words.length)));
}

/** Ten letters off cost as much as the step from a good cut to an arbitrary one. */
function unevenness(width: number, ideal: number): number {
  return Math.abs(width - ideal) ** 2 / 10;
}
