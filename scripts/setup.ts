import { bringKube } from './setup/kube.ts';
import { setUp } from './setup/setup.ts';
import { SetupError, say } from './setup/step.ts';

// npm run setup [-- --tests]: everything that `npm start` or `npm test` would bring, and nothing else.
try {
  const tests = process.argv.includes('--tests');
  await setUp({ models: ['base'], tests });
  if (tests && !process.env.KUBEBUILDER_ASSETS) await bringKube();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
  process.exitCode = 69;
}
