import type { CueRules } from './presets.js';

/** Words in a row with what their cuts cost: what lines and cues are laid out from. */
export interface WordRow {
  readonly length: number;
  /** Width of words[from…to) on one line. */
  width(from: number, to: number): number;
  /** Cost of a cut before words[at]. */
  cut(at: number): number;
}

export interface Layout {
  readonly cost: number;
  /** Where each line but the last ends. */
  readonly ends: readonly number[];
}

const ONE_LINE: Layout = { cost: 0, ends: [] };

/** Ten letters off cost as much as the step from a good cut to an arbitrary one. */
const UNEVEN = 0.1;
/** Of two equal ways the one with the shorter line above: the picture is less covered. */
const TOP_HEAVY = 0.5;

/**
 * The cheapest way to put words[from…to) on `count` lines: cut at good places, into lines that are about equally long.
 * A word longer than a line has one for itself.
 *
 * @param count as few as they need, by {@link linesNeeded}
 */
export function layOut(row: WordRow, from: number, to: number, count: number, { maxCharsPerLine }: CueRules): Layout {
  if (count <= 1) return ONE_LINE;
  const ideal = row.width(from, to) / count;
  const fits = (start: number, end: number) => end - start === 1 || row.width(start, end) <= maxCharsPerLine;
  /** Best way to put the words up to `to` on lines `line` and before, where line 1 begins at `from`. */
  const best = (line: number, end: number): Layout | undefined => {
    if (line === 1) return fits(from, end) ? ONE_LINE : undefined;
    let found: Layout | undefined;
    for (let at = end - 1; at >= from + line - 1 && fits(at, end); at--) {
      // How far the line above ends from where even ones would: each cut is judged by itself.
      const off = row.width(from, at) - ideal * (line - 1);
      const here = row.cut(at) + off * off * UNEVEN + (off > 0 ? TOP_HEAVY : 0);
      if (found !== undefined && here >= found.cost) continue;
      const above = best(line - 1, at);
      if (above !== undefined && (found === undefined || above.cost + here < found.cost))
        found = { cost: above.cost + here, ends: [...above.ends, at] };
    }
    return found;
  };
  const layout = best(count, to);
  if (layout === undefined) throw new RangeError(`${to - from} words do not fit on ${count} lines`);
  return layout;
}

/** How many lines words need at least, counted on as they come. A word longer than a line has one for itself. */
export class LineCount {
  readonly #row: WordRow;
  readonly #most: number;
  #begin: number;
  count = 1;

  constructor(row: WordRow, from: number, { maxCharsPerLine }: CueRules) {
    this.#row = row;
    this.#most = maxCharsPerLine;
    this.#begin = from;
  }

  /** The word before `to` comes in. */
  add(to: number): void {
    if (to - this.#begin <= 1 || this.#row.width(this.#begin, to) <= this.#most) return;
    this.#begin = to - 1;
    this.count++;
  }
}
