import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeClient, Resource } from '../kube-client.ts';
import { kubeProgram } from '../programs.ts';
import { until } from '../until.ts';
import { kubeconfigOf } from './cluster-api.ts';
import type { Daemons } from './daemons.ts';
import type { RigPaths, RigSettings } from './rig-settings.ts';

interface Node extends Resource {
  status: { conditions?: { type: string; status: string; message: string }[] };
}

/**
 * The kubelet. What it may not do without CAP_SYS_RESOURCE (raise its own limits, lower its OOM score) it is told not
 * to try; a host on cgroup v1 it is told to accept.
 */
export function startKubelet(daemons: Daemons, settings: RigSettings, paths: RigPaths): void {
  const { nodeName, nodeIp, dnsIp } = settings;
  const conf = (name: string): string => join(paths.conf, name);
  for (const directory of [paths.kubelet, paths.podLogs]) mkdirSync(directory, { recursive: true });
  writeFileSync(conf('resolv.conf'), `nameserver ${dnsIp}\n`);
  const configuration = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: nodeIp,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: conf('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: conf('kubelet-serving.crt'),
    tlsPrivateKeyFile: conf('kubelet-serving.key'),
    containerRuntimeEndpoint: `unix://${paths.containerdSocket}`,
    cgroupDriver: 'cgroupfs',
    failCgroupV1: false,
    failSwapOn: false,
    oomScoreAdj: 0,
    maxOpenFiles: 20_000,
    makeIPTablesUtilChains: false,
    clusterDomain: 'cluster.local',
    clusterDNS: [dnsIp],
    resolvConf: conf('resolv.conf'),
    podLogsDir: paths.podLogs,
    volumePluginDir: join(paths.home, 'volumeplugins'),
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '1%',
      'imagefs.available': '1%',
      'nodefs.inodesFree': '1%',
    },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    registerNode: true,
  };
  writeFileSync(conf('kubelet.json'), JSON.stringify(configuration));
  daemons.start('kubelet', kubeProgram('kubelet'), [
    `--config=${conf('kubelet.json')}`,
    `--kubeconfig=${kubeconfigOf(paths, 'kubelet')}`,
    `--root-dir=${paths.kubelet}`,
    `--hostname-override=${nodeName}`,
    `--node-ip=${nodeIp}`,
  ]);
}

export function startProxy(daemons: Daemons, settings: RigSettings, paths: RigPaths): void {
  const file = join(paths.conf, 'kube-proxy.json');
  const configuration = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    // All of it is in tables named kube-proxy, which are easily taken away.
    mode: 'nftables',
    bindAddress: '127.0.0.1',
    metricsBindAddress: '127.0.0.1:10249',
    healthzBindAddress: '127.0.0.1:10256',
    hostnameOverride: settings.nodeName,
    clusterCIDR: settings.podCidr,
    clientConnection: { kubeconfig: kubeconfigOf(paths, 'kube-proxy') },
    oomScoreAdj: 0,
    // The host's own limits stay as they are.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
  writeFileSync(file, JSON.stringify(configuration));
  daemons.start('kube-proxy', kubeProgram('kube-proxy'), [`--config=${file}`]);
}

/** Resolves when the node takes pods. */
export async function nodeReady(daemons: Daemons, settings: RigSettings, client: KubeClient): Promise<void> {
  await until(
    `node ${settings.nodeName} is Ready`,
    async () => {
      daemons.mustRun('kubelet');
      const node = await client.find<Node>(`/api/v1/nodes/${settings.nodeName}`);
      return node?.status.conditions?.some((it) => it.type === 'Ready' && it.status === 'True');
    },
    { explain: () => daemons.log('kubelet') },
  );
}
