import { dirname, join } from 'node:path';
import { clusterDown, clusterUp } from '../test/cluster/rig/rig.ts';
import { rigSettings } from '../test/cluster/rig/rig-settings.ts';
import { imagesOfTheRig } from './images/images-of-the-rig.ts';
import { ensureNodePackages } from './setup/cluster-packages.ts';
import { bringClusterPrograms } from './setup/cluster-programs.ts';
import { bringKube } from './setup/kube.ts';
import { SetupError, say } from './setup/step.ts';

// npm run cluster:up     a Kubernetes cluster of one node on this machine; prints the path of its kubeconfig
//     -- --images        which has the project's images
// npm run cluster:down   takes it away again
//     -- --purge         also the images that it keeps for the next time
const [verb, ...rest] = process.argv.slice(2);
const option = { up: '--images', down: '--purge' }[verb ?? ''];
if (option === undefined || rest.some((it) => it !== option)) {
  say('error: npm run cluster:up [-- --images], or npm run cluster:down [-- --purge]');
  process.exit(64);
}
const settings = rigSettings();
try {
  if (verb === 'up') await up(rest.length > 0);
  else await clusterDown(settings, { purge: rest.length > 0 });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`\nerror: ${error.message}\nwhat to do: ${error.mend}`);
  process.exitCode = 69;
}

async function up(withImages: boolean): Promise<void> {
  ensureNodePackages();
  process.env.MEDIAJOB_KUBE_BIN = await bringKube();
  const programs = await bringClusterPrograms();
  const images = withImages ? await imagesOfTheRig() : [];
  const begin = performance.now();
  const kubeconfig = await clusterUp(settings, {
    programs,
    images: images.map((it) => it.archive),
    say: (text) => say(`cluster: ${text} (${((performance.now() - begin) / 1000).toFixed(1)} s)`),
  });
  say(`cluster: kubectl is ${join(dirname(process.env.MEDIAJOB_KUBE_BIN), 'kubectl')}`);
  console.log(kubeconfig);
}
