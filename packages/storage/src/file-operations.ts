import { type FileHandle, link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from './errors.js';

/**
 * Every way in which we change the volume, one function each. A test puts its own in between, to fail or to
 * die at any of them; nothing else ever should.
 */
export interface FileOperations {
  /** Makes a new empty file; fails when there is one. */
  create(path: string): Promise<FileHandle>;
  write(file: FileHandle, data: string | Uint8Array): Promise<void>;
  /** Puts a file's bytes and length onto stable storage. */
  syncData(file: FileHandle): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file; fails with EEXIST when the name is taken. */
  link(existing: string, name: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Puts the names in a directory onto stable storage: a rename is atomic at once but durable only after this. */
  syncDirectory(path: string): Promise<void>;
  /** Makes a directory and those above it; each new name is durable when it returns. */
  makeDirectory(path: string): Promise<void>;
}

const FILE_MODE = 0o660;
const DIRECTORY_MODE = 0o770;

/** File systems that know no fsync of a directory (SMB, some FUSE) answer with one of these. */
const NO_DIRECTORY_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EISDIR']);

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.has(errnoOf(error) ?? '')) throw error;
  } finally {
    await directory.close();
  }
}

/**
 * Node's own recursive mkdir says ENOENT where the true reason is a read-only file system.
 * A directory that exists is fine whatever mkdir says of it: network file systems answer EROFS or EACCES before EEXIST.
 */
async function makeDirectory(path: string): Promise<void> {
  const parent = dirname(path);
  try {
    await mkdir(path, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && parent !== path) {
      await makeDirectory(parent);
      await mkdir(path, { mode: DIRECTORY_MODE }).catch((again: unknown) => unlessDirectory(path, again));
    } else {
      await unlessDirectory(path, error);
      return;
    }
  }
  // A new directory is a name in the one above it.
  await syncDirectory(parent);
}

async function unlessDirectory(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw error;
}

export const nodeFileOperations: FileOperations = {
  create: (path) => open(path, 'wx', FILE_MODE),
  write: (file, data) => file.writeFile(data),
  syncData: (file) => file.datasync(),
  rename,
  link,
  unlink,
  syncDirectory,
  makeDirectory: (path) => makeDirectory(resolve(path)),
};
