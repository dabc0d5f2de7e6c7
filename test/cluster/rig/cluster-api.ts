import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeClient } from '../kube-client.ts';
import { writeKubeconfig } from '../kubeconfig.ts';
import { Authority, type KeyAndCertificate, signingKeys } from '../pki.ts';
import type { RigPaths, RigSettings } from './rig-settings.ts';

/** Who talks to the API server, as whom. */
const CLIENTS = {
  'controller-manager': { user: 'system:kube-controller-manager' },
  scheduler: { user: 'system:kube-scheduler' },
  'kube-proxy': { user: 'system:kube-proxy' },
  ingress: { user: 'mediajob:ingress' },
  'metrics-server': { user: 'mediajob:metrics-server' },
  policies: { user: 'mediajob:policies' },
  volumes: { user: 'mediajob:volumes' },
} as const;

export type RigClient = keyof typeof CLIENTS | 'kubelet';

export const kubeconfigOf = (paths: RigPaths, client: RigClient): string => join(paths.conf, `${client}.kubeconfig`);

/**
 * Certificates, keys and kubeconfigs of a new cluster. The administrator's kubeconfig is whole in itself and readable by
 * its owner only.
 */
export async function writeCredentials(settings: RigSettings, paths: RigPaths): Promise<void> {
  const { nodeIp, nodeName, serviceCidr, apiPort } = settings;
  mkdirSync(paths.conf, { recursive: true, mode: 0o700 });
  const authority = await Authority.create('mediajob-cluster');
  const frontProxy = await Authority.create('mediajob-cluster-front-proxy');
  const write = (name: string, text: string): void => writeFileSync(join(paths.conf, name), text, { mode: 0o600 });
  const writePair = (name: string, { key, certificate }: KeyAndCertificate): void => {
    write(`${name}.key`, key);
    write(`${name}.crt`, certificate);
  };
  writePair('ca', authority);
  write('front-proxy-ca.crt', frontProxy.certificate);
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  writePair(
    'apiserver',
    await authority.server('kube-apiserver', {
      dns: ['localhost', ...names],
      ip: ['127.0.0.1', nodeIp, serviceCidr.replace(/\.0\/\d+$/, '.1')],
    }),
  );
  writePair('kubelet-serving', await authority.server(`system:node:${nodeName}`, { dns: [nodeName], ip: [nodeIp] }));
  writePair(
    'metrics-serving',
    await authority.server('metrics-server', { dns: ['metrics-server.kube-system.svc'], ip: [nodeIp] }),
  );
  writePair('kubelet-client', await authority.client({ user: 'kube-apiserver-kubelet-client', groups: ADMINS }));
  writePair('front-proxy-client', await frontProxy.client({ user: 'front-proxy-client' }));
  const accounts = signingKeys();
  write('accounts.key', accounts.privateKey);
  write('accounts.pub', accounts.publicKey);

  const url = `https://${nodeIp}:${apiPort}`;
  const ca = authority.certificate;
  for (const [client, subject] of Object.entries({
    ...CLIENTS,
    kubelet: { user: `system:node:${nodeName}`, groups: ['system:nodes'] },
  }))
    await writeKubeconfig(kubeconfigOf(paths, client as RigClient), {
      url,
      ca,
      credentials: await authority.client(subject),
    });
  const credentials = await authority.client({ user: 'cluster-admin', groups: ADMINS });
  await writeKubeconfig(paths.kubeconfig, { url, ca, credentials });
}

const ADMINS = ['system:masters'];

/** Of the administrator. */
export function adminClient(paths: RigPaths): Promise<KubeClient> {
  return KubeClient.of(paths.kubeconfig);
}
