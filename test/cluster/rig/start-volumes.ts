import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeClient } from '../kube-client.ts';
import { apply, grant } from './addons.ts';
import { kubeconfigOf } from './cluster-api.ts';
import type { Daemons } from './daemons.ts';
import type { RigPaths, RigSettings } from './rig-settings.ts';
import { storageClass } from './volumes/local-volume.ts';

/** What stands in for a storage driver: the default class, whose volumes are directories of the node. */
export async function startVolumes(
  daemons: Daemons,
  settings: RigSettings,
  paths: RigPaths,
  client: KubeClient,
): Promise<void> {
  await grant(client, 'volumes', [
    { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['persistentvolumes'], verbs: ['list', 'watch', 'create', 'delete'] },
  ]);
  await apply(client, '/apis/storage.k8s.io/v1/storageclasses', storageClass);
  mkdirSync(paths.volumes, { recursive: true });
  const program = join(import.meta.dirname, 'volumes/volumes.ts');
  daemons.start('volumes', process.execPath, [
    program,
    kubeconfigOf(paths, 'volumes'),
    paths.volumes,
    settings.nodeName,
  ]);
}
