import { dirname } from 'node:path';
import { errnoOf, storageErrorOf } from './errors.js';
import { type FileOperations, nodeFileOperations } from './file-operations.js';

/**
 * Removes a file, durably. None there is fine.
 * @throws StorageError
 */
export async function removeFile(path: string, options: { files?: FileOperations } = {}): Promise<void> {
  const files = options.files ?? nodeFileOperations;
  try {
    await files.unlink(path);
    await files.syncDirectory(dirname(path));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw storageErrorOf(error, 'removing', path);
  }
}
