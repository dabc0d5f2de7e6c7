import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeClient } from '../kube-client.ts';
import { kubeProgram } from '../programs.ts';
import { until } from '../until.ts';
import { kubeconfigOf } from './cluster-api.ts';
import type { Daemons } from './daemons.ts';
import type { RigPaths, RigSettings } from './rig-settings.ts';

/** etcd and the API server; resolves when that is ready. */
export async function startApiServer(
  daemons: Daemons,
  settings: RigSettings,
  paths: RigPaths,
  client: KubeClient,
): Promise<void> {
  const { nodeIp, apiPort, serviceCidr } = settings;
  mkdirSync(paths.etcd, { recursive: true, mode: 0o700 });
  const conf = (name: string): string => join(paths.conf, name);
  // etcd takes the host of a unix address for a directory: that of its socket, relative to where it runs.
  const etcd = 'unix://localhost:0';
  daemons.start('etcd', kubeProgram('etcd'), [
    '--name=etcd',
    `--data-dir=${paths.etcd}`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    '--listen-peer-urls=unix://localhost:1',
    '--initial-advertise-peer-urls=unix://localhost:1',
    '--initial-cluster=etcd=unix://localhost:1',
    '--unsafe-no-fsync',
    '--log-level=warn',
  ]);
  daemons.start('kube-apiserver', kubeProgram('kube-apiserver'), [
    `--bind-address=${nodeIp}`,
    `--advertise-address=${nodeIp}`,
    `--secure-port=${apiPort}`,
    `--etcd-servers=${etcd}`,
    `--service-cluster-ip-range=${serviceCidr}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--client-ca-file=${conf('ca.crt')}`,
    `--tls-cert-file=${conf('apiserver.crt')}`,
    `--tls-private-key-file=${conf('apiserver.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${conf('accounts.pub')}`,
    `--service-account-signing-key-file=${conf('accounts.key')}`,
    `--kubelet-client-certificate=${conf('kubelet-client.crt')}`,
    `--kubelet-client-key=${conf('kubelet-client.key')}`,
    `--kubelet-certificate-authority=${conf('ca.crt')}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--proxy-client-cert-file=${conf('front-proxy-client.crt')}`,
    `--proxy-client-key-file=${conf('front-proxy-client.key')}`,
    `--requestheader-client-ca-file=${conf('front-proxy-ca.crt')}`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-username-headers=X-Remote-User',
    '--shutdown-delay-duration=0s',
  ]);
  await until(
    'the API server is ready',
    () => {
      for (const name of ['etcd', 'kube-apiserver']) daemons.mustRun(name);
      return client.get('/readyz').then(
        () => true,
        () => false,
      );
    },
    { explain: () => daemons.log('kube-apiserver') },
  );
}

/** The controllers, and the scheduler. */
export function startControllers(daemons: Daemons, paths: RigPaths): void {
  const own = (client: 'controller-manager' | 'scheduler'): string[] =>
    ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
      (it) => `--${it}=${kubeconfigOf(paths, client)}`,
    );
  const common = ['--bind-address=127.0.0.1', '--leader-elect=false'];
  daemons.start('kube-controller-manager', kubeProgram('kube-controller-manager'), [
    ...own('controller-manager'),
    ...common,
    `--root-ca-file=${join(paths.conf, 'ca.crt')}`,
    `--service-account-private-key-file=${join(paths.conf, 'accounts.key')}`,
    '--use-service-account-credentials=true',
    `--cluster-signing-cert-file=${join(paths.conf, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(paths.conf, 'ca.key')}`,
    // Its own start alone would take seconds at the default 20 a second.
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    // A test waits for a scale-down no longer than it has to.
    '--horizontal-pod-autoscaler-downscale-stabilization=30s',
  ]);
  daemons.start('kube-scheduler', kubeProgram('kube-scheduler'), [...own('scheduler'), ...common]);
}
