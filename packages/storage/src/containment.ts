import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { VolumePath } from '@mediajob/contract';
import { InputNotFoundError, storageErrorOf, UnsafePathError } from './errors.js';

const MAX_SEGMENT_BYTES = 255;

/**
 * The absolute path of a volume path, by its characters alone; the file system is not asked.
 * Nothing is decoded or normalised: `%2e%2e` and look-alikes of a dot are ordinary characters of a name.
 * @throws UnsafePathError for anything but plain segments below the root
 */
export function containedPath(root: string, path: string): string {
  const parsed = VolumePath.safeParse(path);
  if (!parsed.success) {
    throw new UnsafePathError(
      `${JSON.stringify(String(path).slice(0, 200))} is not a path on the media volume: it ${parsed.error.issues[0]?.message ?? 'is not valid'}.`,
      { cause: parsed.error },
    );
  }
  if (parsed.data.split('/').some((name) => Buffer.byteLength(name) > MAX_SEGMENT_BYTES)) {
    throw new UnsafePathError(
      `A name in ${JSON.stringify(path.slice(0, 200))} is longer than ${MAX_SEGMENT_BYTES} bytes.`,
    );
  }
  const absolute = join(root, parsed.data);
  // The pattern above already says so; a mistake in it must not become a hole here.
  if (!absolute.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new UnsafePathError(`${JSON.stringify(path)} leaves the media volume.`);
  }
  return absolute;
}

export type EntryKind = 'file' | 'directory' | 'any';

/**
 * The real absolute path of something that exists on the volume. No link is followed, neither in a directory above
 * nor as the last name; a device, socket or pipe is refused without being opened.
 * The root itself may be reached through a link: that is the administrator's own doing.
 * @throws UnsafePathError, InputNotFoundError, StorageError
 */
export async function containedExistingPath(root: string, path: string, kind: EntryKind): Promise<string> {
  const absolute = containedPath(root, path);
  try {
    const realRoot = await realpath(root);
    const real = join(realRoot, path);
    const parent = await realpath(dirname(real));
    if (parent !== dirname(real)) {
      throw new UnsafePathError(
        `${JSON.stringify(path)} leads through a symbolic link, and links are not followed on the media volume. Put the file itself there.`,
      );
    }
    checkKind(await lstat(real), path, kind);
    return real;
  } catch (error) {
    const mapped = storageErrorOf(error, 'reading', absolute);
    if (mapped instanceof InputNotFoundError) {
      throw new InputNotFoundError(`There is no ${JSON.stringify(path)} on the media volume.`, { cause: error });
    }
    throw mapped;
  }
}

/**
 * Opens a file of the volume for reading. What was checked is what was opened: the file is compared once more
 * after opening, so a link put in between is noticed.
 * @throws UnsafePathError, InputNotFoundError, StorageError
 */
export async function openContained(root: string, path: string): Promise<FileHandle> {
  const real = await containedExistingPath(root, path, 'file');
  let file: FileHandle | undefined;
  try {
    const before = await lstat(real);
    // O_NONBLOCK: a pipe put there in between must not hold us for ever.
    file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const opened = await file.stat();
    if (opened.ino !== before.ino || opened.dev !== before.dev || !opened.isFile()) {
      throw new UnsafePathError(`${JSON.stringify(path)} was replaced while it was opened. Try again.`);
    }
    return file;
  } catch (error) {
    await file?.close();
    throw storageErrorOf(error, 'opening', real);
  }
}

function checkKind(stats: Stats, path: string, kind: EntryKind): void {
  if (stats.isSymbolicLink()) {
    throw new UnsafePathError(
      `${JSON.stringify(path)} is a symbolic link, and links are not followed on the media volume. Put the file itself there.`,
    );
  }
  const fits =
    kind === 'file'
      ? stats.isFile()
      : kind === 'directory'
        ? stats.isDirectory()
        : stats.isFile() || stats.isDirectory();
  if (!fits) {
    const wanted = kind === 'any' ? 'file or directory' : kind;
    throw new UnsafePathError(`${JSON.stringify(path)} is not a ${wanted}.`);
  }
}
