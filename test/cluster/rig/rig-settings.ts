import { join } from 'node:path';
import { CACHE } from '../../../scripts/setup/paths.ts';

/** One cluster a machine: it has a bridge, and rules in the kernel, of fixed names. */
export interface RigSettings {
  /** Absolute; all that the cluster writes is below it. The kubelet does not find mounts below a relative path. */
  readonly home: string;
  readonly nodeName: string;
  readonly bridge: string;
  /** The bridge's own address: of the node and the API server. Pods reach it; a loopback address they would not. */
  readonly nodeIp: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Address of the Service that pods resolve names by. */
  readonly dnsIp: string;
  readonly apiPort: number;
  /** Of the Ingress controller, on loopback. */
  readonly ingressPort: number;
}

export const PAUSE_IMAGE = 'k8s.local/pause:1';
export const DNS_IMAGE = 'k8s.local/coredns:1';
export const INGRESS_CLASS = 'traefik';

export function rigSettings(env: NodeJS.ProcessEnv = process.env): RigSettings {
  return {
    home: env.MEDIAJOB_CLUSTER_HOME ?? join(CACHE, 'cluster'),
    nodeName: 'node1',
    bridge: 'mj0',
    nodeIp: '10.244.0.1',
    podCidr: '10.244.0.0/24',
    serviceCidr: '10.96.0.0/16',
    dnsIp: '10.96.0.10',
    apiPort: Number(env.MEDIAJOB_CLUSTER_API_PORT ?? 6443),
    ingressPort: Number(env.MEDIAJOB_CLUSTER_INGRESS_PORT ?? 8088),
  };
}

/** Where things are below the home. */
export function rigPaths({ home }: RigSettings) {
  return {
    home,
    /** Stays between clusters: importing and deleting images is what takes long. */
    images: join(home, 'containerd/root'),
    containerd: join(home, 'containerd'),
    containerdState: join(home, 'containerd/state'),
    containerdSocket: join(home, 'containerd/containerd.sock'),
    /** Configuration, certificates and kubeconfigs of this cluster. */
    conf: join(home, 'conf'),
    cni: join(home, 'cni'),
    kubelet: join(home, 'kubelet'),
    etcd: join(home, 'etcd'),
    logs: join(home, 'logs'),
    podLogs: join(home, 'podlogs'),
    pids: join(home, 'pids'),
    /** What persistent volumes are made of: a directory each. */
    volumes: join(home, 'volumes'),
    sysctls: join(home, 'sysctls.json'),
    kubeconfig: join(home, 'admin.kubeconfig'),
  };
}

export type RigPaths = ReturnType<typeof rigPaths>;
