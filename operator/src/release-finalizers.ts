import { isConflict, isNotFound, type KubeApi, type KubeLogger, listAll } from '@mediajob/kube';
import { type MediaJobObject, MediaJobs } from './media-job-kind.js';
import { hasFinalizer, release } from './take-up.js';

/**
 * Lets go of all MediaJobs, for when the operator is uninstalled: nobody would then release what holds them, and they,
 * and their namespaces, could never be deleted. Their files stay. It is to run when no operator does, which would take
 * them up again.
 *
 * @param namespaces left out: all
 * @returns how many were let go
 * @throws KubeApiError
 */
export async function releaseFinalizers(
  api: KubeApi,
  namespaces: readonly string[] | undefined,
  log: KubeLogger,
): Promise<number> {
  let released = 0;
  const failures: unknown[] = [];
  for (const namespace of namespaces ?? [undefined]) {
    try {
      for (let left = await held(api, namespace); left.length > 0; left = await held(api, namespace)) {
        released += await letGoOf(api, left);
      }
    } catch (error) {
      // The others are let go all the same.
      log.warn({ namespace, err: error }, 'MediaJobs could not be let go');
      failures.push(error);
    }
  }
  log.info({ released }, 'MediaJobs are let go; their files stay where they are');
  if (failures.length > 0) throw failures[0];
  return released;
}

/** Time is short when a process ends. @returns how many were let go */
async function letGoOf(api: KubeApi, objects: MediaJobObject[]): Promise<number> {
  let released = 0;
  const next = objects.values();
  const work = async () => {
    for (const object of next) if (await letGo(api, object)) released += 1;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return released;
}

const AT_ONCE = 8;

async function held(api: KubeApi, namespace: string | undefined): Promise<MediaJobObject[]> {
  try {
    const { items } = await listAll(api, MediaJobs, namespace === undefined ? {} : { namespace });
    return items.filter(hasFinalizer);
  } catch (error) {
    // The definition is gone, and all MediaJobs with it.
    if (isNotFound(error)) return [];
    throw error;
  }
}

async function letGo(api: KubeApi, object: MediaJobObject): Promise<boolean> {
  try {
    await release(api, object);
    return true;
  } catch (error) {
    // It is gone, or somebody wrote in between: the next list tells.
    if (isNotFound(error) || isConflict(error)) return false;
    throw error;
  }
}
