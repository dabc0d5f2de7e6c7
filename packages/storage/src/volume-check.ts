import { randomBytes, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { partialName, writeJsonAtomic } from './atomic-write.js';
import {
  AlreadyExistsError,
  errnoOf,
  InputNotFoundError,
  StorageError,
  storageErrorOf,
  VolumeError,
} from './errors.js';
import { type FileOperations, nodeFileOperations } from './file-operations.js';
import { readJson } from './json.js';
import { TOP_DIRECTORIES } from './layout.js';
import { freeSpace, type Space } from './space.js';

/** At the volume's root. Where it is missing, something else (or nothing) is mounted. */
export const MARKER_NAME = '.mediajob-volume.json';

const Marker = z.strictObject({ schemaVersion: z.literal(1), id: z.uuid() });

export interface VolumeState extends Space {
  /** Tells this volume from every other one. */
  id: string;
  /** true: readable, but a small write found no room. */
  full: boolean;
}

interface CheckOptions {
  files?: FileOperations;
}

/**
 * Makes a directory a media volume: its marker and its directories. Again is fine, and several processes may at once.
 * Call it at the start; afterwards {@link checkVolume} with the id tells when the mount has gone.
 * @throws VolumeError saying who owns the directory and what to do
 */
export async function prepareVolume(root: string, options: CheckOptions = {}): Promise<VolumeState> {
  const files = options.files ?? nodeFileOperations;
  const marker = join(root, MARKER_NAME);
  try {
    await files.makeDirectory(root);
    const found = await readJson(marker, Marker).catch((error: unknown) => {
      if (error instanceof InputNotFoundError) return undefined;
      throw error;
    });
    if (found === undefined) {
      await writeJsonAtomic(
        marker,
        { schemaVersion: 1, id: randomUUID() },
        { runId: 'prepare', ifAbsent: true, files },
      ).catch((error: unknown) => {
        if (!(error instanceof AlreadyExistsError)) throw error;
      });
    }
    for (const name of TOP_DIRECTORIES) await files.makeDirectory(join(root, name));
  } catch (error) {
    throw await volumeErrorOf(error, root);
  }
  return checkVolume(root, options);
}

/**
 * Whether the volume is there, is the one it was, and can be read and written. Ask often, from a health check:
 * it reads one small file and writes another.
 * @throws VolumeError with a sentence for people
 */
export async function checkVolume(
  root: string,
  options: CheckOptions & { expectedId?: string } = {},
): Promise<VolumeState> {
  const files = options.files ?? nodeFileOperations;
  try {
    const { id } = await readJson(join(root, MARKER_NAME), Marker);
    if (options.expectedId !== undefined && options.expectedId !== id) {
      throw new VolumeError(`Another volume is mounted at ${root} than before. Mount the right one, or start again.`);
    }
    const full = !(await canWrite(root, files));
    return { id, full, ...(await freeSpace(root)) };
  } catch (error) {
    throw await volumeErrorOf(error, root);
  }
}

async function canWrite(root: string, files: FileOperations): Promise<boolean> {
  const probe = join(root, partialName('write-check', `check-${process.pid}`));
  try {
    const file = await files.create(probe);
    try {
      await files.write(file, randomBytes(64));
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOSPC' || errno === 'EDQUOT') return false;
    throw storageErrorOf(error, 'writing', probe);
  } finally {
    await files.unlink(probe).catch(() => undefined);
  }
}

async function volumeErrorOf(error: unknown, root: string): Promise<unknown> {
  if (error instanceof VolumeError) return error;
  const options = { cause: error };
  const errno = errnoOf(error) ?? errnoOf(error instanceof Error ? error.cause : undefined);
  if (errno === 'EACCES' || errno === 'EPERM') {
    const owner = await stat(root).catch(() => undefined);
    const uid = process.getuid?.() ?? 'unknown';
    return new VolumeError(
      `The media volume ${root} belongs to ${owner ? `uid ${owner.uid}, gid ${owner.gid}` : 'another user'} and this process is uid ${uid}. ` +
        `Run: chown -R ${uid}:${process.getgid?.() ?? uid} ${root} (on Kubernetes: fsGroup, or an init container where the driver ignores it).`,
      options,
    );
  }
  if (error instanceof InputNotFoundError) {
    return new VolumeError(
      `${root} is not a media volume: ${MARKER_NAME} is missing. Is the volume mounted? A new one is prepared when a service starts.`,
      options,
    );
  }
  if (errno === 'EROFS')
    return new VolumeError(`The media volume ${root} is mounted read-only. Mount it writable.`, options);
  const message = error instanceof StorageError || error instanceof Error ? error.message : String(error);
  return new VolumeError(`The media volume ${root} cannot be used: ${message}`, options);
}
