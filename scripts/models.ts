import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from './setup/build.ts';
import { ROOT } from './setup/paths.ts';
import { MODELS_DIR } from './setup/setup.ts';

// npm run models -- pull|list|verify|remove …: the model catalog's command line, on this machine's model directory.
build();
const result = spawnSync(
  process.execPath,
  [join(ROOT, 'packages/speech/dist/models/cli.js'), ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, MEDIAJOB_MODELS_DIR: MODELS_DIR },
  },
);
process.exitCode = result.status ?? 1;
