import type { Stats } from 'node:fs';
import { access, constants, lstat } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import type { VolumePath } from '@mediajob/contract';
import { errnoOf, VolumeError } from './errors.js';
import type { Volume } from './volume.js';

/** What a process needs to do with a file or directory. */
export type Access = 'read' | 'write';

/**
 * Whether something on the volume is ours to read, or to write in. `fsGroup` is not applied by every driver, so a volume
 * often belongs to root: then this says to whom, and what to do.
 * @throws VolumeError
 */
export async function checkAccess(volume: Volume, path: VolumePath, wanted: Access): Promise<void> {
  const absolute = volume.resolve(path);
  try {
    await access(absolute, wanted === 'read' ? constants.R_OK : constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw await ownershipError(volume, path, wanted, error);
  }
}

/** Whether an error, or what caused it, says that the owner is another. */
export function isRefusedByOwner(error: unknown): boolean {
  const errno = errnoOf(error) ?? errnoOf(error instanceof Error ? error.cause : undefined);
  return errno === 'EACCES' || errno === 'EPERM';
}

/**
 * The error of something that its owner does not let us use: who that is, who we are, and what to do.
 * Names the nearest directory above that can be looked at when the thing itself cannot, or is not there yet.
 */
export async function ownershipError(
  volume: Volume,
  path: VolumePath,
  wanted: Access,
  cause: unknown,
): Promise<VolumeError> {
  const found = await nearest(volume.resolve(path), volume.root);
  if (errnoOf(cause) === 'EROFS') {
    return new VolumeError(`${nameOf(volume, found?.path)} is mounted read-only. Mount it writable.`, { cause });
  }
  const uid = process.getuid?.() ?? 'unknown';
  const gid = process.getgid?.() ?? 'unknown';
  const owner =
    found === undefined
      ? 'belongs to another user'
      : `belongs to uid ${found.stats.uid}, gid ${found.stats.gid} (mode ${(found.stats.mode & 0o7777).toString(8)})`;
  return new VolumeError(
    `${nameOf(volume, found?.path)} ${owner}, and this process is uid ${uid}, gid ${gid}, which may not ${wanted} it. ` +
      `Run once, as root: chown -R ${uid}:${gid} ${found?.path ?? volume.root} (on Kubernetes fsGroup does it, unless the volume's driver ignores that).`,
    { cause },
  );
}

function nameOf(volume: Volume, absolute: string | undefined): string {
  const path = absolute === undefined ? '' : relative(volume.root, absolute);
  return path === '' ? 'The media volume' : `${JSON.stringify(path)} on the media volume`;
}

async function nearest(path: string, root: string): Promise<{ path: string; stats: Stats } | undefined> {
  for (let at = path; at.startsWith(root); at = dirname(at)) {
    const stats = await lstat(at).catch(() => undefined);
    if (stats !== undefined) return { path: at, stats };
    if (at === root) break;
  }
  return undefined;
}
