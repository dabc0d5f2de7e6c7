import { join } from 'node:path';
import type { KubeClient } from '../kube-client.ts';
import { grant } from './addons.ts';
import { kubeconfigOf } from './cluster-api.ts';
import type { Daemons } from './daemons.ts';
import type { RigPaths } from './rig-settings.ts';

/** What stands in for a network plugin that knows NetworkPolicies. */
export async function startPolicies(daemons: Daemons, paths: RigPaths, client: KubeClient): Promise<void> {
  const verbs = ['list', 'watch'];
  await grant(client, 'policies', [
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs },
  ]);
  const program = join(import.meta.dirname, 'policies/policies.ts');
  daemons.start('policies', process.execPath, [program, kubeconfigOf(paths, 'policies')]);
}
