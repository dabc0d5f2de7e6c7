import { isForbidden, isNotFound, type KubeApi, Namespaces, PersistentVolumeClaims } from '@mediajob/kube';
import type { MediaJobObject } from './media-job-kind.js';

/** Why a deleted MediaJob is let go although its files are not removed. */
export interface WayOut {
  readonly reason: 'NamespaceTerminating' | 'ClaimGone' | 'ClaimTerminating';
  readonly message: string;
}

/**
 * Whether cleaning up after a deleted MediaJob would be in vain: then it is let go, since a finalizer that nobody can
 * ever release keeps a whole namespace from being deleted.
 *
 * @param claim of the media volume
 */
export async function wayOut(
  api: KubeApi,
  { metadata }: MediaJobObject,
  claim: string,
  signal: AbortSignal,
): Promise<WayOut | undefined> {
  const { namespace = '' } = metadata;
  if (await isTerminating(api, namespace, signal)) {
    return {
      reason: 'NamespaceTerminating',
      message: 'The namespace is being deleted; the files go with its volume, if that does.',
    };
  }
  try {
    const found = await api.get(PersistentVolumeClaims, { namespace, name: claim }, { signal });
    return found.metadata.deletionTimestamp === undefined
      ? undefined
      : { reason: 'ClaimTerminating', message: `The claim ${claim} is being deleted; the files are left to that.` };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return { reason: 'ClaimGone', message: `The claim ${claim} is gone; there is nothing to remove files from.` };
  }
}

/** Without the right to read the namespace, its end is noticed when nothing can be made in it any more. */
async function isTerminating(api: KubeApi, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    const namespace = await api.get(Namespaces, { name }, { signal });
    return namespace.metadata.deletionTimestamp !== undefined || namespace.status?.phase === 'Terminating';
  } catch (error) {
    if (isForbidden(error) || isNotFound(error)) return false;
    throw error;
  }
}
