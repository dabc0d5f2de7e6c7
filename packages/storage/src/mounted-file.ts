import { writeFile } from 'node:fs/promises';
import { storageErrorOf } from './errors.js';

/**
 * Overwrites a file that the platform has mounted for us (/dev/termination-log), which nothing can be renamed over.
 * Never for the media volume: a crash leaves half of it.
 * @throws StorageFullError, StorageError
 */
export async function overwriteMountedFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw storageErrorOf(error, 'writing', path);
  }
}
