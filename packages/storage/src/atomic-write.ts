import { randomBytes } from 'node:crypto';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sha256Of } from './checksum.js';
import { AlreadyExistsError, errnoOf, storageErrorOf } from './errors.js';
import { type FileOperations, nodeFileOperations } from './file-operations.js';

export interface WriteOptions {
  /** Name of the run that writes; the temporary file carries it, so that a leftover tells where it came from. */
  runId: string;
  /** true: never replaces; {@link AlreadyExistsError} when there is one already. */
  ifAbsent?: boolean;
  /** `volume.files` where a Volume is at hand. */
  files?: FileOperations;
}

const PARTIAL = /^\..+\.[0-9a-f]{12}\.partial$/;
const LONGEST_NAME = 80;

/** Name of the temporary file for `name`: hidden, in the same directory, never met twice. */
export function partialName(name: string, runId: string): string {
  // Names of ours are short; for a longer one its checksum stands, so that the whole stays below 255 bytes.
  const base = Buffer.byteLength(name) > LONGEST_NAME ? sha256Of(name).slice(0, 32) : name;
  return `.${base}.${runId.slice(0, 120)}.${randomBytes(6).toString('hex')}.partial`;
}

/** Whether a file of this name is a temporary one that {@link partialName} named. */
export function isPartialName(name: string): boolean {
  return PARTIAL.test(name);
}

/**
 * Writes a whole file so that anybody sees either nothing (or the old one) or all of it, and it is on stable storage
 * when this returns. Missing directories are made.
 * @throws StorageFullError, StorageError, AlreadyExistsError; then the temporary file is removed
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, options: WriteOptions): Promise<void> {
  const files = options.files ?? nodeFileOperations;
  await publish(path, options, async (temporary) => {
    const file = await files.create(temporary);
    try {
      await files.write(file, data);
      await files.syncData(file);
    } finally {
      await file.close();
    }
  });
}

/** {@link writeFileAtomic} of a value as JSON. */
export function writeJsonAtomic(path: string, value: unknown, options: WriteOptions): Promise<void> {
  return writeFileAtomic(path, `${JSON.stringify(value)}\n`, options);
}

/**
 * Lets somebody else (ffmpeg) write the temporary file under the name it is given, then publishes it as
 * {@link writeFileAtomic} does. What `write` returns is returned.
 * @throws what `write` throws; StorageFullError, StorageError; then the temporary file is removed
 */
export async function withAtomicFile<T>(
  path: string,
  options: WriteOptions,
  write: (temporaryPath: string) => Promise<T>,
): Promise<T> {
  const files = options.files ?? nodeFileOperations;
  return publish(path, options, async (temporary) => {
    const result = await write(temporary);
    const file = await open(temporary, 'r');
    try {
      await files.syncData(file);
    } finally {
      await file.close();
    }
    return result;
  });
}

/**
 * Publishes what a stream gives, without holding it in memory.
 * @returns the number of bytes
 * @throws what the stream throws; StorageFullError, StorageError; then the temporary file is removed
 */
export async function writeStreamAtomic(
  path: string,
  data: AsyncIterable<Uint8Array>,
  options: WriteOptions,
): Promise<number> {
  const files = options.files ?? nodeFileOperations;
  return publish(path, options, async (temporary) => {
    const file: FileHandle = await files.create(temporary);
    let bytes = 0;
    try {
      for await (const piece of data) {
        await files.write(file, piece);
        bytes += piece.byteLength;
      }
      await files.syncData(file);
    } finally {
      await file.close();
    }
    return bytes;
  });
}

async function publish<T>(path: string, options: WriteOptions, fill: (temporary: string) => Promise<T>): Promise<T> {
  const files = options.files ?? nodeFileOperations;
  const directory = dirname(path);
  const temporary = join(directory, partialName(basename(path), options.runId));
  try {
    await files.makeDirectory(directory);
    const result = await fill(temporary);
    if (options.ifAbsent) {
      await nameIfAbsent(files, temporary, path);
    } else {
      await files.rename(temporary, path);
    }
    await files.syncDirectory(directory);
    return result;
  } catch (error) {
    // The sweep would find it, too; but on a full disk its room is wanted now.
    await files.unlink(temporary).catch(() => undefined);
    throw storageErrorOf(error, 'writing', path);
  }
}

/** File systems without hard links (SMB, some FUSE) answer with one of these. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

async function nameIfAbsent(files: FileOperations, temporary: string, path: string): Promise<void> {
  try {
    await files.link(temporary, path);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    // NFS may lose the answer of a link() that was done, and say EEXIST when it asks again.
    if (errno === 'EEXIST' && (await isSameFile(temporary, path))) {
      await files.unlink(temporary);
      return;
    }
    if (errno === 'EEXIST' || (NO_HARD_LINKS.has(errno) && (await exists(path)))) {
      throw new AlreadyExistsError(`${path} exists already.`, { cause: error });
    }
    if (!NO_HARD_LINKS.has(errno)) throw error;
    // Weaker, where links are unknown: of two writers at the same instant both may believe to be first.
    // Whole files still: a reader never sees half of one.
    await files.rename(temporary, path);
    return;
  }
  await files.unlink(temporary);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one), lstat(other)]);
  return a.ino === b.ino && a.dev === b.dev;
}
