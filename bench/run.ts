import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MODELS_DIR, setUp } from '../scripts/setup/setup.ts';

// npm run bench [-- NAME …]: without a name, which there are.
const benches = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(import.meta.dirname, entry.name, 'bench.ts')))
  .map((entry) => entry.name);
const [name, ...args] = process.argv.slice(2);
if (!name || !benches.includes(name)) {
  console.error(`${name ? `no such benchmark: ${name}\n` : ''}npm run bench -- NAME    ${benches.join(', ')}`);
  process.exit(name ? 64 : 0);
}
await setUp({ models: ['base'], tests: true });
const result = spawnSync(process.execPath, [join(import.meta.dirname, name, 'bench.ts'), ...args], {
  stdio: 'inherit',
  env: { ...process.env, MEDIAJOB_MODELS_DIR: MODELS_DIR },
});
process.exitCode = result.status ?? 1;
