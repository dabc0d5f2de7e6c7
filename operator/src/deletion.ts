import { isForbidden, isNotFound, type KubeApi, Namespaces, PersistentVolumeClaims } from '@mediajob/kube';
import type { MediaJobObject } from './media-job-kind.js';

/** Why a deleted MediaJob is let go although its files are not removed. */
export interface WayOut {
  readonly reason: 'ClaimGone' | 'ClaimTerminating';
  readonly message: string;
}

/**
 * Whether cleaning up after a deleted MediaJob would be in vain, because the volume goes: then it is let go, since a
 * finalizer that nobody can ever release keeps a whole namespace from being deleted.
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

/** `unknown`: it may not be read. */
export type NamespaceState = 'there' | 'ending' | 'unknown';

/**
 * Whether a namespace is being deleted, which nobody can take back. Nothing can be made in it from then on, and the
 * rights that were given there go at any moment, before or after the MediaJobs.
 */
export async function namespaceState(api: KubeApi, name: string, signal?: AbortSignal): Promise<NamespaceState> {
  try {
    const { metadata, status } = await api.get(Namespaces, { name }, signal === undefined ? {} : { signal });
    return metadata.deletionTimestamp !== undefined || status?.phase === 'Terminating' ? 'ending' : 'there';
  } catch (error) {
    if (isForbidden(error)) return 'unknown';
    if (isNotFound(error)) return 'there';
    throw error;
  }
}
