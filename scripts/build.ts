import { build } from './setup/build.ts';
import { SetupError, say } from './setup/step.ts';

try {
  build();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
  process.exitCode = 69;
}
