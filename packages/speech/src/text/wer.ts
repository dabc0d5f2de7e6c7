/** Errors of a hypothesis against a reference. */
export interface WordErrors {
  readonly substitutions: number;
  readonly deletions: number;
  readonly insertions: number;
  readonly referenceWords: number;
  /** (substitutions + deletions + insertions) / referenceWords */
  readonly rate: number;
}

/**
 * Words of a text as error rates compare them: lower case, without punctuation, marks kept. Simpler than Whisper's own
 * English normalizer: numbers, contractions and spellings are not made equal, so rates come out a little higher.
 */
export function comparableWords(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/(?<=\p{L})['’](?=\p{L})/gu, '')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()
    .split(' ')
    .filter(Boolean);
}

/** Word error rate by Levenshtein distance. */
export function wordErrorRate(reference: string, hypothesis: string): WordErrors {
  const wanted = comparableWords(reference);
  const heard = comparableWords(hypothesis);
  interface Cell {
    readonly cost: number;
    readonly substitutions: number;
    readonly deletions: number;
    readonly insertions: number;
  }
  const start: Cell = { cost: 0, substitutions: 0, deletions: 0, insertions: 0 };
  const grow = (cell: Cell, kind: 'substitutions' | 'deletions' | 'insertions'): Cell => ({
    ...cell,
    cost: cell.cost + 1,
    [kind]: cell[kind] + 1,
  });
  let row: Cell[] = [start];
  for (const _ of heard) row.push(grow(row.at(-1) as Cell, 'insertions'));
  for (const word of wanted) {
    const next: Cell[] = [grow(row[0] as Cell, 'deletions')];
    heard.forEach((other, i) => {
      const diagonal = row[i] as Cell;
      const match = word === other ? diagonal : grow(diagonal, 'substitutions');
      const options = [match, grow(row[i + 1] as Cell, 'deletions'), grow(next[i] as Cell, 'insertions')];
      next.push(options.reduce((best, it) => (it.cost < best.cost ? it : best)));
    });
    row = next;
  }
  const { substitutions, deletions, insertions, cost } = row.at(-1) as Cell;
  return {
    substitutions,
    deletions,
    insertions,
    referenceWords: wanted.length,
    rate: wanted.length === 0 ? (heard.length === 0 ? 0 : 1) : cost / wanted.length,
  };
}
