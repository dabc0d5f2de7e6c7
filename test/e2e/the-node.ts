import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource } from '../cluster/kube-client.ts';
import { ctr } from '../cluster/rig/container-runtime.ts';
import { Daemons, end } from '../cluster/rig/daemons.ts';
import { nodeReady, startKubelet } from '../cluster/rig/node-daemons.ts';
import { rigPaths, rigSettings } from '../cluster/rig/rig-settings.ts';
import type { Pod, Release } from './release.ts';

const settings = rigSettings();
const paths = rigPaths(settings);

export function killKubelet(): Promise<void> {
  return new Daemons(paths).kill('kubelet');
}

/** Starts it where it does not run. Resolves when the node is Ready. */
export async function restartKubelet({ cluster }: Release): Promise<void> {
  const daemons = new Daemons(paths);
  startKubelet(daemons, settings, paths);
  await nodeReady(daemons, settings, cluster.client);
}

/** Whether the node takes no new pods. */
export async function cordon({ cluster }: Release, unschedulable: boolean): Promise<void> {
  await cluster.client.patch(`/api/v1/nodes/${settings.nodeName}`, { spec: { unschedulable } });
}

/** kill -9 of a container's first process, from outside, as the kernel does when memory is short. */
export async function killContainer(pod: Pod, container: string): Promise<void> {
  const status = pod.status.containerStatuses?.find((it) => it.name === container);
  const id = status?.containerID?.replace('containerd://', '');
  if (id === undefined) throw new Error(`${pod.metadata.name} has no container ${container}`);
  const tasks = await ctr(paths, ['task', 'ls']);
  const pid = Number(new RegExp(`^${id}\\s+(\\d+)`, 'm').exec(tasks)?.[1]);
  if (!pid) throw new Error(`containerd knows no task of ${pod.metadata.name}:\n${tasks}`);
  await end(pid, 'SIGKILL');
}

interface Claim extends Resource {
  spec: { volumeName: string };
}
interface Volume extends Resource {
  spec: { local: { path: string } };
}

/** Directory of the node that the media volume is: readable without the kubelet. */
export async function mediaDirectory({ cluster, namespace, name }: Release): Promise<string> {
  const { spec } = await cluster.client.get<Claim>(
    `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}-media`,
  );
  return (await cluster.client.get<Volume>(`/api/v1/persistentvolumes/${spec.volumeName}`)).spec.local.path;
}

/** What each file of a directory is, so that one that was written again can be told: by inode and time. None: not there. */
export function identities(directory: string): Record<string, string> {
  try {
    return Object.fromEntries(
      readdirSync(directory)
        .filter((name) => name.endsWith('.json'))
        .sort()
        .map((name) => {
          const { ino, mtimeMs } = statSync(join(directory, name));
          return [name, `${ino} ${mtimeMs}`];
        }),
    );
  } catch {
    return {};
  }
}
