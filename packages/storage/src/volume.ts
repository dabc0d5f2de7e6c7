import type { FileHandle } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { VolumePath } from '@mediajob/contract';
import { containedExistingPath, containedPath, type EntryKind, openContained } from './containment.js';
import { InputNotFoundError, storageErrorOf, VolumeError } from './errors.js';
import { type FileOperations, nodeFileOperations } from './file-operations.js';
import { layout } from './layout.js';

/** The media volume of this process: turns its paths into paths of the machine, and never lets one leave it. */
export class Volume {
  readonly root: string;
  readonly layout = layout;
  /** How writers change the volume; pass it on to them. */
  readonly files: FileOperations;

  /** @param root absolute path of the volume's root */
  constructor(root: string, options: { files?: FileOperations } = {}) {
    if (!isAbsolute(root))
      throw new VolumeError(`The media volume must be an absolute path, not ${JSON.stringify(root)}.`);
    this.root = resolve(root);
    this.files = options.files ?? nodeFileOperations;
  }

  /**
   * Absolute path, by syntax alone. For writing below directories that {@link ensureDirectory} has made or checked.
   * @throws UnsafePathError
   */
  resolve(path: VolumePath): string {
    return containedPath(this.root, path);
  }

  /**
   * Absolute path of a file (or what `kind` says) that exists; no link is followed on the way.
   * @throws UnsafePathError, InputNotFoundError, StorageError
   */
  resolveExisting(path: VolumePath, kind: EntryKind = 'file'): Promise<string> {
    return containedExistingPath(this.root, path, kind);
  }

  /** Opens an existing file for reading; what {@link resolveExisting} checks holds for the handle, too. */
  open(path: VolumePath): Promise<FileHandle> {
    return openContained(this.root, path);
  }

  /**
   * Makes a directory, durably, and gives its real absolute path. One that exists is fine, and nothing above it is
   * touched: it may be all of the volume that is mounted. Nothing is made behind a link.
   * @throws UnsafePathError, StorageFullError, StorageError
   */
  async ensureDirectory(path: VolumePath): Promise<string> {
    const absolute = this.resolve(path);
    const names = path.split('/');
    for (let count = names.length; count > 0; count--) {
      const real = await this.#existingDirectory(names.slice(0, count).join('/'));
      if (real === undefined) continue;
      if (count === names.length) return real;
      break;
    }
    try {
      await this.files.makeDirectory(absolute);
    } catch (error) {
      throw storageErrorOf(error, 'making the directory', absolute);
    }
    return this.resolveExisting(path, 'directory');
  }

  async #existingDirectory(path: VolumePath): Promise<string | undefined> {
    try {
      return await this.resolveExisting(path, 'directory');
    } catch (error) {
      if (error instanceof InputNotFoundError) return undefined;
      throw error;
    }
  }
}
