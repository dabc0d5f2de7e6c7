import type { KubeApi, KubeLogger } from '@mediajob/kube';
import { namespaceState } from './deletion.js';
import { releaseFinalizers } from './release-finalizers.js';

/**
 * When the operator is ended because the namespace that it lives in is being deleted, no other one will ever come after
 * it: its last act is to let go of all MediaJobs, as when it is uninstalled. Kubernetes ends the pods of a namespace
 * before it takes anything else away (OrderedNamespaceDeletion, since 1.33), so that it still may. It never throws.
 *
 * @param namespaces whose MediaJobs it runs; left out: all
 */
export async function leaveHome(
  api: KubeApi,
  home: string,
  namespaces: readonly string[] | undefined,
  log: KubeLogger,
): Promise<void> {
  try {
    if ((await namespaceState(api, home)) !== 'ending') return;
    log.info({ namespace: home }, 'the namespace of the operator is being deleted, so it lets go of all MediaJobs');
    await releaseFinalizers(api, namespaces, log);
  } catch (error) {
    log.error({ err: error }, 'not all MediaJobs could be let go; those can be deleted once somebody does it by hand');
  }
}
