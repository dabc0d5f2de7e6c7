import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { InputNotFoundError, sha256OfJson, UnsafePathError, type Volume } from '@mediajob/storage';

const SAMPLE_BYTES = 1 << 20;

/**
 * What tells one source from another without reading 20 GiB of it: its size, when it was last written, and SHA-256 of
 * its first, middle and last MiB. Neither the inode nor the path is part of it, so a restored or moved volume is the
 * same. (A SHA-256 of the whole is in upload.json once it has been taken; it comes later than a job may start.)
 * @returns undefined when there is no such file
 * @throws UnsafePathError, StorageError
 */
export async function sourceFingerprint(volume: Volume, path: string): Promise<string | undefined> {
  try {
    const file = await volume.open(path);
    try {
      const { size, mtimeMs } = await file.stat();
      const hash = createHash('sha256');
      const sample = Buffer.alloc(SAMPLE_BYTES);
      for (const at of new Set([0, Math.floor(size / 2), Math.max(0, size - SAMPLE_BYTES)])) {
        const { bytesRead } = await file.read(sample, 0, SAMPLE_BYTES, at);
        hash.update(sample.subarray(0, bytesRead));
      }
      return sha256OfJson({ bytes: size, modifiedMs: Math.floor(mtimeMs), samples: hash.digest('hex') });
    } finally {
      await file.close();
    }
  } catch (error) {
    if (await isGone(volume, path, error)) return undefined;
    throw error;
  }
}

/**
 * Whether a source could not be opened because it is not there any more. In a pod an empty directory is there then: the
 * kubelet makes one for a file that it is to mount.
 *
 * @param error of opening it
 */
export async function isGone(volume: Volume, path: string, error: unknown): Promise<boolean> {
  if (error instanceof InputNotFoundError) return true;
  if (!(error instanceof UnsafePathError)) return false;
  try {
    return (await readdir(await volume.resolveExisting(path, 'directory'))).length === 0;
  } catch {
    return false;
  }
}

/** What to say when the source of a job is not there (any more). */
export function sourceGone(path: string): InputNotFoundError {
  const next = path.startsWith('uploads/')
    ? 'Upload the file again and make a new job.'
    : 'Put it there and retry the job.';
  return new InputNotFoundError(`There is no ${JSON.stringify(path)} on the media volume. ${next}`);
}
