import { createHash } from 'node:crypto';
import type { JobId, RunKey } from '@mediajob/contract';

/** Names of Jobs become label values of their pods. */
const LONGEST = 63;

/**
 * The Job of a run: the same run always has the same name, so a POST that is sent again makes nothing twice.
 *
 * - `<job>-<stage>-<attempt>` for a first try; with several shards this is the Indexed Job of all first tries
 * - `<job>-<stage>-<attempt>-<shard>-<try>` for what is tried again
 * - `<job>-cleanup-<first 8 of the UID>-<try>`: it outlives its MediaJob, whose name may be used again meanwhile
 */
export function jobName(job: { readonly name: string; readonly uid: JobId }, key: RunKey): string {
  if (key.stage === 'cleanup') return fit(job.name, `-cleanup-${job.uid.slice(0, 8)}-${key.try}`);
  const again = key.try === 1 ? '' : `-${key.shard}-${key.try}`;
  return fit(job.name, `-${key.stage}-${key.attempt}${again}`);
}

/** Names are cut only after hundreds of attempts; a hash then keeps two of them apart. */
function fit(name: string, suffix: string): string {
  if (name.length + suffix.length <= LONGEST) return name + suffix;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${name.slice(0, LONGEST - suffix.length - hash.length - 1)}-${hash}${suffix}`;
}
