import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './setup/build.ts';
import { ROOT } from './setup/paths.ts';
import { say } from './setup/step.ts';

// npm run check: lint and format, types of all code with its tests and scripts, generated files.
const bin = (name: string) => join(ROOT, 'node_modules', '.bin', name);
const CHECKS: [string, string[]][] = [
  ['lint and format', [bin('biome'), 'check', '.', '--error-on-warnings']],
  ['types of scripts', [bin('tsc'), '-p', 'scripts']],
  ['types of tests', [bin('tsc'), '-p', 'test']],
  ['generated files', [join(ROOT, 'scripts/gen.ts'), '--check']],
];

build();
let failed = 0;
for (const [name, args] of CHECKS) {
  say(`check: ${name}`);
  if (spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 2, 2] }).status !== 0) {
    failed++;
    say(`check: ${name} failed`);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
