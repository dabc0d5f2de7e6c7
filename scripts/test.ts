import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayBeANode } from './setup/cluster-packages.ts';
import { bringKube } from './setup/kube.ts';
import { ROOT } from './setup/paths.ts';
import { browserPath, MODELS_DIR, setUp } from './setup/setup.ts';
import { SetupError, say } from './setup/step.ts';

// npm test [-- TIER…]: set-up, then the tiers. Without a tier: the checks and all of them. With MEDIAJOB_CLUSTER=off: all but
// that of a whole cluster, the longest.
const TIERS = ['unit', 'medium', 'system', 'control-plane', 'browser', 'cluster'] as const;
const asked = process.argv.slice(2);
const unknown = asked.filter((it) => !(TIERS as readonly string[]).includes(it));
if (unknown.length > 0) {
  say(`error: no such tier: ${unknown.join(', ')}; there are ${TIERS.join(', ')}`);
  process.exit(64);
}

try {
  await setUp({ models: ['base'], tests: true });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
  process.exit(69);
}

const wanted: (typeof TIERS)[number][] = TIERS.filter((it) => asked.length === 0 || asked.includes(it));
let ok = true;

/** A tier that this machine cannot run says what would let it. Only where nobody is there to read that is it a failure. */
function leaveOut(tier: (typeof TIERS)[number], error: SetupError): void {
  say(`\ntier ${tier} cannot run: ${error.message}\nwhat to do: ${error.mend}`);
  wanted.splice(wanted.indexOf(tier), 1);
  if (process.env.CI === 'true' || asked.includes(tier)) ok = false;
}

// KUBEBUILDER_ASSETS: somebody else's build of the control plane.
let kube = '';
if (wanted.includes('control-plane') && !process.env.KUBEBUILDER_ASSETS)
  try {
    kube = await bringKube();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    leaveOut('control-plane', error);
  }

const { MEDIAJOB_CLUSTER } = process.env;
if (MEDIAJOB_CLUSTER === 'off' && asked.length === 0) {
  say('\ntier cluster is left out: MEDIAJOB_CLUSTER is off');
  wanted.splice(wanted.indexOf('cluster'), 1);
} else if (wanted.includes('cluster') && MEDIAJOB_CLUSTER !== 'existing')
  try {
    mayBeANode();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    leaveOut('cluster', error);
  }

const environment = {
  ...process.env,
  MEDIAJOB_MODELS_DIR: MODELS_DIR,
  MEDIAJOB_CHROMIUM: browserPath() ?? '',
  MEDIAJOB_KUBE_BIN: kube,
};
const run = (args: string[]): boolean =>
  spawnSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], env: environment }).status ===
  0;

if (asked.length === 0) ok = run([join(ROOT, 'scripts/check.ts')]) && ok;

const reports = mkdtempSync(join(tmpdir(), 'mediajob-test-'));
const total = { passed: 0, failed: 0, skipped: 0 };
for (const tier of wanted) {
  say(`\ntier: ${tier}`);
  const file = join(reports, `${tier}.json`);
  const vitest = [join(ROOT, 'node_modules/.bin/vitest'), 'run', '--project', tier];
  // That tier has its own way to a cluster, and hands the rest to Vitest.
  const program = tier === 'cluster' ? [join(ROOT, 'scripts/test-cluster.ts')] : vitest;
  ok = run([...program, '--reporter=default', '--reporter=json', `--outputFile=${file}`]) && ok;
  // It is not there when the tests could not even begin, which counts as a failure by now.
  if (!existsSync(file)) continue;
  const report = JSON.parse(readFileSync(file, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
  };
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests;
}
rmSync(reports, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = ok && total.failed === 0 && total.passed > 0 ? 0 : 1;
