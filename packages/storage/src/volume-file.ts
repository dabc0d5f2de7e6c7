import { lstat } from 'node:fs/promises';
import type { Manifest, VolumePath } from '@mediajob/contract';
import { sha256OfFile } from './checksum.js';
import type { Volume } from './volume.js';

/** A file as a manifest names it. */
export type VolumeFile = Manifest['files'][number];

/**
 * Size and SHA-256 of a file of the volume, for a manifest. Reads it once.
 * @throws InputNotFoundError, UnsafePathError, StorageError
 */
export async function volumeFileOf(
  volume: Volume,
  path: VolumePath,
  options: { signal?: AbortSignal } = {},
): Promise<VolumeFile> {
  const absolute = await volume.resolveExisting(path);
  const sha256 = await sha256OfFile(absolute, options);
  return { path, bytes: (await lstat(absolute)).size, sha256 };
}
