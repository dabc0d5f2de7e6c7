import { isForbidden, isNotFound, type KubeApi, type KubeLogger, Workloads } from '@mediajob/kube';

/**
 * Whether the cluster has Kueue, and we may read what it says. Queues work without: then a job that waits in one can
 * only say so, and not why.
 *
 * @param namespace any that is watched; left out: all are
 */
export async function readsWorkloads(
  api: Pick<KubeApi, 'list'>,
  log: KubeLogger,
  namespace: string | undefined,
): Promise<boolean> {
  try {
    await api.list(Workloads, { limit: 1, ...(namespace !== undefined && { namespace }) });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    if (!isForbidden(error)) throw error;
    log.warn({ err: error }, 'Workloads of Kueue may not be read; jobs that wait in a queue cannot say why');
    return false;
  }
}
