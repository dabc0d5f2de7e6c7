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
const result = spawnSync(
  process.execPath,
  [join(ROOT, 'node_modules/.bin/vitest'), 'run', '--project', 'unit', 'operator/src/operator.simulation.spec.ts'],
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
