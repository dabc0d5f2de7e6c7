/**
 * What can go wrong on the media volume. Every class has a `code` that never changes and the `cause` it was made from,
 * and its message says what was wrong, where, and what to do next.
 */
export class StorageError extends Error {
  readonly code: StorageErrorCode = 'storage-error';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

export type StorageErrorCode =
  | 'storage-error'
  | 'storage-full'
  | 'unsafe-path'
  | 'input-not-found'
  | 'damaged-document'
  | 'already-exists'
  | 'volume-unusable';

/** The volume (or a quota on it) has no room, or less than must stay free. Freeing space mends it; nothing was lost. */
export class StorageFullError extends StorageError {
  override readonly code = 'storage-full';
}

/** A path that leaves the volume, crosses a link, or is nothing we read. Never mends itself. */
export class UnsafePathError extends StorageError {
  override readonly code = 'unsafe-path';
}

/** A file or directory that should be there is not. */
export class InputNotFoundError extends StorageError {
  override readonly code = 'input-not-found';
}

/** A JSON document that cannot be read as what it should be: not JSON, or another shape or schemaVersion. */
export class DocumentError extends StorageError {
  override readonly code = 'damaged-document';
}

/** `ifAbsent` was asked for and somebody was first. */
export class AlreadyExistsError extends StorageError {
  override readonly code = 'already-exists';
}

/** The whole volume cannot be used: not mounted, another one mounted, not ours to write. */
export class VolumeError extends StorageError {
  override readonly code = 'volume-unusable';
}

/** The errno name of a file system error (`ENOSPC`), or undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code)) {
    return error.code;
  }
  return undefined;
}

/**
 * Maps an error of the file system to one of ours; ours and foreign ones come back as they are.
 * @param doing what failed, as the middle of a sentence: "writing", "reading"
 * @param path the absolute path it failed on
 */
export function storageErrorOf(error: unknown, doing: string, path: string): unknown {
  if (error instanceof StorageError) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const options = { cause: error };
  switch (errno) {
    case 'ENOSPC':
      return new StorageFullError(
        `The disk is full: ${doing} ${path} failed. Free some space; work goes on by itself.`,
        options,
      );
    case 'EDQUOT':
      return new StorageFullError(
        `The disk quota is used up: ${doing} ${path} failed. Raise the quota or free some space; work goes on by itself.`,
        options,
      );
    case 'ENOENT':
    case 'ENOTDIR':
      return new InputNotFoundError(`There is no ${path} (${doing} it failed).`, options);
    case 'ELOOP':
      return new UnsafePathError(
        `${path} is a symbolic link, and links are not followed on the media volume.`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
      return new StorageError(
        `${doing} ${path} is not allowed (${errno}). Give this process's user (uid ${process.getuid?.() ?? 'unknown'}) the right to it.`,
        options,
      );
    case 'EROFS':
      return new StorageError(`${doing} ${path} failed: the volume is mounted read-only. Mount it writable.`, options);
    default:
      return new StorageError(`${doing} ${path} failed: ${errno}. Look at the volume and the system's log.`, options);
  }
}
