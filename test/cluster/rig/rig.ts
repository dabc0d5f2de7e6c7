import { existsSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../run.ts';
import { until } from '../until.ts';
import { type AddonPrograms, startIngress, startMetricsServer } from './addons.ts';
import { adminClient, writeCredentials } from './cluster-api.ts';
import { importImage, startContainerRuntime, stopContainerRuntime } from './container-runtime.ts';
import { startApiServer, startControllers } from './control-plane-daemons.ts';
import { Daemons } from './daemons.ts';
import { applyDns, dnsReady } from './dns.ts';
import { lowerHostNetwork, raiseHostNetwork } from './host-network.ts';
import { nodeReady, startKubelet, startProxy } from './node-daemons.ts';
import { type RigPaths, type RigSettings, rigPaths } from './rig-settings.ts';
import { startPolicies } from './start-policies.ts';
import { startVolumes } from './start-volumes.ts';

export interface RigPrograms extends AddonPrograms {
  /** docker-archives: what holds a pod's namespaces, and CoreDNS. */
  readonly pauseImage: string;
  readonly dnsImage: string;
}

export interface UpOptions {
  readonly programs: RigPrograms;
  /** docker-archives that the node has then. */
  readonly images?: readonly string[];
  readonly say?: (text: string) => void;
}

/**
 * A Kubernetes cluster of one node on this machine: control plane, containerd, kubelet, kube-proxy, DNS, Ingress,
 * metrics, NetworkPolicies. What runs already is left alone; what was killed is started again. Needs root.
 * @returns path of the administrator's kubeconfig
 */
export async function clusterUp(settings: RigSettings, options: UpOptions): Promise<string> {
  const { programs, images = [], say = () => {} } = options;
  const paths = rigPaths(settings);
  const daemons = new Daemons(paths);
  const isFresh = !existsSync(paths.kubeconfig);
  if (isFresh) {
    refuseBesideAnother();
    // What a cluster has left that was killed while it came up or went down.
    for (const name of daemons.names()) await daemons.stop(name);
    await clearRun(paths);
    await writeCredentials(settings, paths);
  }
  await raiseHostNetwork(settings, paths);

  const client = await adminClient(paths);
  try {
    const runtime = startContainerRuntime(daemons, settings, paths).then(async () => {
      for (const archive of [programs.pauseImage, programs.dnsImage, ...images]) await importImage(paths, archive);
      say('containerd runs, images are there');
    });
    runtime.catch(() => {}); // told by the await below
    await startApiServer(daemons, settings, paths, client);
    say('the API server is ready');
    startControllers(daemons, paths);
    await runtime;
    startKubelet(daemons, settings, paths);
    startProxy(daemons, settings, paths);
    await applyDns(settings, client);
    await startIngress(daemons, programs.traefik, settings, paths, client);
    await startMetricsServer(daemons, programs.metricsServer, settings, paths, client);
    await startPolicies(daemons, paths, client);
    await startVolumes(daemons, settings, paths, client);
    await nodeReady(daemons, settings, client);
    await until('the controllers work', () => client.find('/api/v1/namespaces/default/serviceaccounts/default'), {
      explain: () => daemons.log('kube-controller-manager'),
    });
    await dnsReady(client);
    for (const name of daemons.names()) daemons.mustRun(name);
    say(`node ${settings.nodeName} is Ready`);
  } finally {
    client.close();
  }
  return paths.kubeconfig;
}

/** Whether it has been brought up, and not down since. */
export function isUp(settings: RigSettings): boolean {
  return existsSync(rigPaths(settings).kubeconfig);
}

/** @param purge also what makes the next start quick: the image store */
export async function clusterDown(settings: RigSettings, { purge = false } = {}): Promise<void> {
  const paths = rigPaths(settings);
  if (!existsSync(paths.home)) return;
  const daemons = new Daemons(paths);
  // First who starts things, then what was started, then what they stood on.
  for (const name of ['volumes', 'policies', 'ingress', 'metrics-server', 'kube-proxy', 'kubelet'])
    await daemons.stop(name);
  await stopContainerRuntime(daemons, paths);
  for (const name of ['kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd'])
    await daemons.stop(name, name === 'kube-apiserver' ? 200 : 5000);
  await unmountBelow(paths.home);
  await lowerHostNetwork(settings, paths);
  removeCgroups();
  await clearRun(paths);
  rmSync(paths.kubeconfig, { force: true });
  if (purge) rmSync(paths.home, { recursive: true, force: true });
}

/** Everything of one cluster's life but the image store; nothing may run or be mounted any more. */
async function clearRun(paths: RigPaths): Promise<void> {
  for (const path of [
    paths.etcd,
    paths.kubelet,
    paths.cni,
    paths.podLogs,
    paths.volumes,
    paths.conf,
    paths.containerdState,
    join(paths.home, 'volumeplugins'),
  ])
    rmSync(path, { recursive: true, force: true });
  for (const name of existsSync(paths.home) ? readdirSync(paths.home) : [])
    if (name.startsWith('localhost:') || name.startsWith('.kube')) rmSync(join(paths.home, name), { recursive: true });
  removeOurs('/var/log/containers', (link) => link.includes(paths.podLogs));
  // libcni keeps what it did there, by the name of the network and of the loopback one.
  for (const name of list('/var/lib/cni/results'))
    if (/^(mediajob|cni-loopback)-/.test(name)) rmSync(join('/var/lib/cni/results', name), { force: true });
  for (const directory of [
    '/run/containerd/s',
    '/run/containerd/runc/k8s.io',
    '/run/containerd/runc',
    '/run/containerd',
  ])
    removeEmpty(directory);
}

/** The kubelet's cgroups have fixed names: two of them on one machine would end each other's pods. */
function refuseBesideAnother(): void {
  for (const hierarchy of cgroupHierarchies()) {
    const processes = list(join(hierarchy, 'kubepods')).length > 0 ? processesBelow(join(hierarchy, 'kubepods')) : [];
    if (processes.length > 0)
      throw new Error(
        `${hierarchy}/kubepods has processes: another kubelet runs on this machine. ` +
          'Use its cluster instead: KUBECONFIG=… MEDIAJOB_CLUSTER=existing npm run test:cluster',
      );
  }
}

function processesBelow(cgroup: string): string[] {
  const own = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  return [...own, ...list(cgroup, 'directories').flatMap((name) => processesBelow(join(cgroup, name)))];
}

/** Version 1 has one directory a controller, version 2 is one itself. */
function cgroupHierarchies(): string[] {
  const root = '/sys/fs/cgroup';
  return [root, ...list(root, 'directories').map((name) => join(root, name))].filter((it) =>
    existsSync(join(it, 'cgroup.procs')),
  );
}

function removeCgroups(): void {
  for (const hierarchy of cgroupHierarchies())
    for (const name of ['kubepods', 'k8s.io']) removeCgroup(join(hierarchy, name));
}

function removeCgroup(path: string): void {
  for (const name of list(path, 'directories')) removeCgroup(join(path, name));
  removeEmpty(path);
}

/** What is mounted below a directory, the deepest first. */
async function unmountBelow(directory: string): Promise<void> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((it) => it.startsWith(`${directory}/`))
    .sort()
    .reverse();
  for (const mount of mounts) {
    const detach = (args: string[]): Promise<string> => run('umount', [...args, mount], { cwd: '/' });
    await detach([]).catch(() => detach(['--lazy']));
  }
}

function removeOurs(directory: string, isOurs: (link: string) => boolean): void {
  for (const name of list(directory)) {
    const path = join(directory, name);
    if (isOurs(linkTarget(path))) rmSync(path, { force: true });
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function list(directory: string, only?: 'directories'): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((it) => only === undefined || it.isDirectory())
      .map((it) => it.name);
  } catch {
    return [];
  }
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // not empty, so not ours alone; or not there
  }
}
