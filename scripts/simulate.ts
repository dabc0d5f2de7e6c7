import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './setup/paths.ts';

// npm run simulate -- --seeds N [--from S]: the operator's simulation for any number of worlds; with --seeds 1 that of S alone.
const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' } },
});
const seeds = whole('seeds', values.seeds);
const from = whole('from', values.from);
// The second file takes every other group of 25 seeds; of one group there is nothing for it to do.
const files = ['operator/src/operator.simulation.spec.ts', 'operator/src/operator-again.simulation.spec.ts'].slice(
  0,
  seeds > 25 ? 2 : 1,
);
const result = spawnSync(
  process.execPath,
  [join(ROOT, 'node_modules/.bin/vitest'), 'run', '--project', 'unit', ...files],
  {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      MEDIAJOB_SIMULATION_SEEDS: String(seeds),
      MEDIAJOB_SIMULATION_FROM: String(from),
    },
  },
);
process.exitCode = result.status ?? 1;

function whole(name: string, text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  console.error(`error: --${name} ${text} is no whole number of 1 or more: npm run simulate -- --seeds 1000 --from 1`);
  process.exit(64);
}
