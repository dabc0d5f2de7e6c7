import { spawnSync } from 'node:child_process';
import { bringHelm } from './setup/helm.ts';
import { SetupError, say } from './setup/step.ts';

// npm run helm -- ARGS: the Helm that the project's own files are made with.
try {
  const { status } = spawnSync(bringHelm(), process.argv.slice(2), {
    stdio: 'inherit',
    cwd: process.env.MEDIAJOB_INVOCATION_DIR ?? process.cwd(),
  });
  process.exitCode = status ?? 70;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`error: ${error.message}\nwhat to do: ${error.mend}`);
  process.exitCode = 69;
}
