import { resolve } from 'node:path';
import { bundleAll } from './images/bundle.ts';
import { build } from './setup/build.ts';
import { SetupError, say } from './setup/step.ts';

// node scripts/bundle.ts DIRECTORY: the programs of every image, each in a directory of its own; the Dockerfiles call it.
const [directory] = process.argv.slice(2);
if (directory === undefined) {
  say('error: where to? node scripts/bundle.ts DIRECTORY');
  process.exit(64);
}
try {
  build();
  await bundleAll(resolve(directory));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
  process.exitCode = 69;
}
