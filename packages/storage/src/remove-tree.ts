import { lstat, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { VolumePath } from '@mediajob/contract';
import { containedExistingPath } from './containment.js';
import { errnoOf, InputNotFoundError, storageErrorOf, UnsafePathError } from './errors.js';
import type { Volume } from './volume.js';

/**
 * Removes a directory of the volume with all that is in it. Links are removed, never followed. Nothing there is fine.
 * @returns whether there was something
 * @throws UnsafePathError for a directory at the volume's root (`jobs`) or one behind a link; StorageError
 */
export async function removeTree(volume: Volume, path: VolumePath): Promise<boolean> {
  const absolute = volume.resolve(path);
  if (!path.includes('/')) throw new UnsafePathError(`${JSON.stringify(path)} as a whole is never removed.`);
  try {
    const parentPath = path.slice(0, path.lastIndexOf('/'));
    await containedExistingPath(volume.root, parentPath, 'directory');
    if ((await lstat(absolute)).isDirectory()) {
      // NFS keeps a removed file that is still open under another name for a moment: hence the retries.
      await rm(absolute, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    } else {
      await unlink(absolute);
    }
    await volume.files.syncDirectory(dirname(absolute));
    return true;
  } catch (error) {
    const mapped = storageErrorOf(error, 'removing', absolute);
    if (mapped instanceof InputNotFoundError) return false;
    throw mapped;
  }
}

/**
 * Removes a directory when nothing is in it (any more).
 * @returns whether it was removed
 * @throws UnsafePathError, StorageError
 */
export async function removeDirectoryIfEmpty(volume: Volume, path: VolumePath): Promise<boolean> {
  const absolute = volume.resolve(path);
  try {
    await containedExistingPath(volume.root, path, 'directory');
    await rmdir(absolute);
    await volume.files.syncDirectory(dirname(absolute));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return false;
    const mapped = storageErrorOf(error, 'removing', absolute);
    if (mapped instanceof InputNotFoundError) return false;
    throw mapped;
  }
}
