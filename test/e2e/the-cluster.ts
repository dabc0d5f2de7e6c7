import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bringHelm } from '../../scripts/setup/helm.ts';
import { ROOT } from '../../scripts/setup/paths.ts';
import { KubeClient } from '../cluster/kube-client.ts';
import { writeKubeconfig } from '../cluster/kubeconfig.ts';
import { kubeProgram } from '../cluster/programs.ts';
import { isUp } from '../cluster/rig/rig.ts';
import { rigPaths, rigSettings } from '../cluster/rig/rig-settings.ts';
import { run } from '../cluster/run.ts';

/**
 * Whether the cluster is the one of our own rig, so that a test may kill its kubelet and look at its node. Otherwise
 * KUBECONFIG names it (MEDIAJOB_CLUSTER=existing).
 */
export const isRig = process.env.MEDIAJOB_CLUSTER !== 'existing';

export interface TheCluster {
  readonly kubeconfig: string;
  /** Of somebody who may do everything. */
  readonly client: KubeClient;
  /** Where the Ingress controller answers; its hosts need not resolve. */
  readonly ingressUrl: string;
  readonly helm: string;
}

export const CHART = join(ROOT, 'charts/mediajob');

/** @throws Error that says how to get one */
export async function theCluster(): Promise<TheCluster> {
  const helm = bringHelm();
  if (isRig) {
    const settings = rigSettings();
    if (!isUp(settings))
      throw new Error('no cluster is there: npm run cluster:up -- --images, or npm run test:cluster');
    const { kubeconfig } = rigPaths(settings);
    const client = await KubeClient.of(kubeconfig);
    return { kubeconfig, client, helm, ingressUrl: `http://127.0.0.1:${settings.ingressPort}` };
  }
  const kubeconfig = await flattened();
  const ingressUrl = process.env.MEDIAJOB_INGRESS_URL ?? 'http://127.0.0.1';
  return { kubeconfig, client: await KubeClient.of(kubeconfig), helm, ingressUrl };
}

interface RawConfig {
  clusters: { cluster: { server: string; 'certificate-authority-data'?: string } }[];
  users: { user: { token?: string; 'client-certificate-data'?: string; 'client-key-data'?: string } }[];
}

/** The current context of KUBECONFIG alone, as a file. */
async function flattened(): Promise<string> {
  const { KUBECONFIG } = process.env;
  if (!KUBECONFIG) throw new Error('MEDIAJOB_CLUSTER is existing, and KUBECONFIG names no file');
  const text = await run(
    kubeProgram('kubectl'),
    ['--kubeconfig', KUBECONFIG, 'config', 'view', '--minify', '--flatten', '--raw', '-o', 'json'],
    { cwd: ROOT },
  );
  const { clusters, users } = JSON.parse(text) as RawConfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  const decoded = (encoded = ''): string => Buffer.from(encoded, 'base64').toString();
  if (user?.token === undefined && user?.['client-certificate-data'] === undefined)
    throw new Error(`${KUBECONFIG}: the user has neither a token nor a certificate; "kubectl create token" makes one`);
  const credentials =
    user.token === undefined
      ? { certificate: decoded(user['client-certificate-data']), key: decoded(user['client-key-data']) }
      : { token: user.token };
  const path = join(mkdtempSync(join(tmpdir(), 'mediajob-e2e-')), 'kubeconfig');
  const ca = decoded(cluster?.['certificate-authority-data']);
  return writeKubeconfig(path, { url: cluster?.server ?? '', ca, credentials });
}
