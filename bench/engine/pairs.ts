export interface Timed {
  word: string;
  startMs: number;
  endMs: number;
}

const bare = (word: string): string => word.toLowerCase().replaceAll(/[^a-z']/g, '');

/** Pairs of words that are the same, in order: the longest common subsequence. */
export function pairsOf(known: Timed[], heard: Timed[]): [Timed, Timed][] {
  const longest = Array.from({ length: known.length + 1 }, () => new Uint16Array(heard.length + 1));
  const at = (i: number, j: number): number => longest[i]?.[j] ?? 0;
  const same = (i: number, j: number): boolean => bare(known[i]?.word ?? '') === bare(heard[j]?.word ?? '');
  for (let i = known.length - 1; i >= 0; i -= 1)
    for (let j = heard.length - 1; j >= 0; j -= 1)
      (longest[i] as Uint16Array)[j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const pairs: [Timed, Timed][] = [];
  for (let i = 0, j = 0; i < known.length && j < heard.length; ) {
    if (same(i, j)) pairs.push([known[i++] as Timed, heard[j++] as Timed]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}
