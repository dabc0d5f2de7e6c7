import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { VolumePath } from '@mediajob/contract';
import { errnoOf, StorageFullError, storageErrorOf } from './errors.js';
import type { Volume } from './volume.js';

export interface Space {
  /** 0 where the file system does not know its size (some network ones). */
  totalBytes: number;
  /** What an unprivileged process may still write. */
  freeBytes: number;
}

/**
 * Space of the file system that a path is on, or would be on when it does not exist yet.
 * @throws StorageError
 */
export async function freeSpace(path: string): Promise<Space> {
  try {
    const stats = await statfs(path);
    return { totalBytes: stats.blocks * stats.bsize, freeBytes: stats.bavail * stats.bsize };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && dirname(path) !== path) return freeSpace(dirname(path));
    throw storageErrorOf(error, 'asking for the free space of', path);
  }
}

/**
 * Lets work begin only when it leaves the reserve untouched.
 * @param neededBytes what the work will write
 * @param reserveBytes what must still be free afterwards
 * @param where what it will write, or a directory above; the volume's root when left out. In a Job's pod only the job's
 *   own directories are on the volume, and the root is the container's.
 * @throws StorageFullError saying how much is missing
 */
export async function admit(
  volume: Volume,
  neededBytes: number,
  reserveBytes: number,
  where?: VolumePath,
): Promise<void> {
  const { totalBytes, freeBytes } = await freeSpace(where === undefined ? volume.root : volume.resolve(where));
  if (totalBytes === 0) return;
  const missing = neededBytes + reserveBytes - freeBytes;
  if (missing <= 0) return;
  throw new StorageFullError(
    `The disk is too full: this needs ${formatBytes(neededBytes)} and ${formatBytes(reserveBytes)} must stay free, ` +
      `but only ${formatBytes(freeBytes)} are. Free at least ${formatBytes(missing)}; work goes on by itself.`,
  );
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** 1536 → "1.5 KiB" */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${UNITS[power]}`;
}
