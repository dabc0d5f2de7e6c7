import { setUp } from './setup/setup.ts';
import { SetupError, say } from './setup/step.ts';

// npm run setup [-- --tests]: everything that `npm start` or `npm test` would bring, and nothing else.
try {
  await setUp({ models: ['base'], tests: process.argv.includes('--tests') });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
  process.exitCode = 69;
}
