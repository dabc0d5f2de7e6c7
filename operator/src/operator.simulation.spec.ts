import { afterAll, describe, expect, it } from 'vitest';
import { type Outcome, simulate } from '../test/simulation/simulate.js';

/** `npm run simulate -- --seeds N --from S` sets these. */
const seeds = Number(process.env.MEDIAJOB_SIMULATION_SEEDS ?? 300);
const from = Number(process.env.MEDIAJOB_SIMULATION_FROM ?? 1);
const TOGETHER = 25;

const groups = Array.from({ length: Math.ceil(seeds / TOGETHER) }, (_, group) => {
  const first = from + group * TOGETHER;
  return { first, last: Math.min(first + TOGETHER, from + seeds) - 1 };
});

describe('the whole operator, with replicas that die, people who change their minds, and an API server that fails', () => {
  const outcomes: Outcome[] = [];

  it.each(groups)(
    'keeps every promise in the worlds of the seeds $first to $last, ends every job, and is quiet after that',
    async ({ first, last }) => {
      for (let seed = first; seed <= last; seed++) outcomes.push(await simulate(seed));
      expect(outcomes.length).toBeGreaterThan(0);
    },
    600_000,
  );

  it('does the same again with the same seed', async () => {
    expect(await simulate(from)).toEqual(await simulate(from));
  }, 600_000);

  afterAll(() => {
    const sum = (of: (outcome: Outcome) => number) => outcomes.reduce((total, it) => total + of(it), 0);
    const most = (of: (outcome: Outcome) => number) => outcomes.reduce((max, it) => Math.max(max, of(it)), 0);
    const nearest = Math.round(100 * most((it) => it.nearestToBound));
    console.info(
      `${outcomes.length} seeds: ${sum((it) => it.steps)} steps, ${Math.round(sum((it) => it.simulatedMs) / 3_600_000)} hours, ` +
        `${sum((it) => it.jobs)} Jobs; at most ${most((it) => it.mostWrites)} writes for one MediaJob, ${nearest} % of its bound`,
    );
  });
});
