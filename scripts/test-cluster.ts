import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { clusterDown, clusterUp, isUp } from '../test/cluster/rig/rig.ts';
import { rigSettings } from '../test/cluster/rig/rig-settings.ts';
import { imagesOfTheRig } from './images/images-of-the-rig.ts';
import { ensureNodePackages } from './setup/cluster-packages.ts';
import { bringClusterPrograms } from './setup/cluster-programs.ts';
import { bringHelm } from './setup/helm.ts';
import { bringKube } from './setup/kube.ts';
import { ROOT } from './setup/paths.ts';
import { browserPath, MODELS_DIR, setUp } from './setup/setup.ts';
import { SetupError, say } from './setup/step.ts';

// npm run test:cluster [-- FILE…]: images, cluster, chart and tests, one file after another. A cluster that is up already is
// used and left as it is; with MEDIAJOB_CLUSTER=existing that of KUBECONFIG, which must have the images.
const isOurs = process.env.MEDIAJOB_CLUSTER !== 'existing';
const settings = rigSettings();
const wasUp = isUp(settings);
const begin = performance.now();
const times: string[] = [];

/** How long each part took: this tier is the longest of all. */
async function timed<T>(what: string, work: () => Promise<T> | T): Promise<T> {
  const start = performance.now();
  say(`\ncluster tier: ${what}`);
  const result = await work();
  times.push(`${what}: ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return result;
}

/** Everything but the tests. @returns what they find by their environment */
async function prepare(): Promise<Record<string, string>> {
  if (isOurs) ensureNodePackages();
  await timed('set-up', () => setUp({ models: ['base'], tests: true }));
  const environment = {
    MEDIAJOB_MODELS_DIR: MODELS_DIR,
    MEDIAJOB_CHROMIUM: browserPath() ?? '',
    MEDIAJOB_HELM: bringHelm(),
    MEDIAJOB_KUBE_BIN: await timed('Kubernetes', () => bringKube()),
  };
  Object.assign(process.env, environment);
  if (!isOurs) return environment;
  const programs = await timed('CoreDNS, Traefik, metrics-server', bringClusterPrograms);
  const images = await timed('images', () => imagesOfTheRig());
  await timed('cluster', () => clusterUp(settings, { programs, images: images.map((it) => it.archive), say }));
  return environment;
}

/** Takes the cluster down also when this process is killed, which it cannot do itself. */
function guard(): ChildProcess {
  const script = join(ROOT, 'scripts/cluster.ts');
  const wait = `while kill -0 ${process.pid} 2>/dev/null; do sleep 1; done; exec "$0" "$1" down`;
  const child = spawn('/bin/sh', ['-c', wait, process.execPath, script], {
    detached: true,
    stdio: 'ignore',
    cwd: ROOT,
  });
  child.unref();
  return child;
}

function test(environment: Record<string, string>): boolean {
  const vitest = join(ROOT, 'node_modules/.bin/vitest');
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', 'cluster', ...process.argv.slice(2)], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...environment },
  });
  return status === 0;
}

let ok = false;
let guardian: ChildProcess | undefined;
try {
  if (isOurs && !wasUp && process.getuid?.() === 0) guardian = guard();
  const environment = await prepare();
  ok = await timed('tests', () => test(environment));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`\ntier cluster cannot run: ${error.message}\nwhat to do: ${error.mend}`);
} finally {
  if (isOurs && !wasUp && isUp(settings)) await timed('cluster down', () => clusterDown(settings));
  guardian?.kill();
  say(`\ncluster tier: ${((performance.now() - begin) / 60_000).toFixed(1)} min in all\n${times.join('\n')}`);
}
process.exitCode = ok ? 0 : 1;
