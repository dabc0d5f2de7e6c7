import { afterAll, describe, expect, it } from 'vitest';
import { type Outcome, simulate } from './simulate.js';

/** `npm run simulate -- --seeds N --from S` sets these. */
const seeds = Number(process.env.MEDIAJOB_SIMULATION_SEEDS ?? 300);
const from = Number(process.env.MEDIAJOB_SIMULATION_FROM ?? 1);
const TOGETHER = 25;

/** The tests of one of two files, each of which takes every other group of seeds: two processors do them together. */
export function testWorlds(part: 0 | 1): void {
  const groups = Array.from({ length: Math.ceil(seeds / TOGETHER) }, (_, group) => {
    const first = from + group * TOGETHER;
    return { first, last: Math.min(first + TOGETHER, from + seeds) - 1 };
  }).filter((_, group) => group % 2 === part);

  describe('the whole operator, with replicas that die, people who change their minds, and an API server that fails', () => {
    const outcomes: Outcome[] = [];

    it.each(groups)(
      'keeps every promise in the worlds of the seeds $first to $last, ends every job, and is quiet after that',
      async ({ first, last }) => {
        for (let seed = first; seed <= last; seed++) outcomes.push(await simulate(seed));
        expect(outcomes.at(-1)?.seed).toBe(last);
      },
      600_000,
    );

    it('does the same again with the same seed', async () => {
      const seed = from + part;
      expect(await simulate(seed)).toEqual(await simulate(seed));
    }, 600_000);

    afterAll(() => console.info(summaryOf(outcomes)));
  });
}

function summaryOf(outcomes: readonly Outcome[]): string {
  const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, it) => total + of(it), 0);
  const most = (of: (outcome: Outcome) => number) => outcomes.reduce((max, it) => Math.max(max, of(it)), 0);
  return [
    `${outcomes.length} worlds: ${sum((it) => it.steps)} steps in ${Math.round(sum((it) => it.simulatedMs) / 3_600_000)} hours`,
    `${sum((it) => it.jobs)} Jobs`,
    `at most ${most((it) => it.mostWrites)} writes for one MediaJob, ${Math.round(100 * most((it) => it.nearestToBound))} % of its bound`,
  ].join(', ');
}
