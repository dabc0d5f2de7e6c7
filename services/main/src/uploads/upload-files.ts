import { constants } from 'node:fs';
import { type FileHandle, open, readdir, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UploadId, UploadInfo } from '@mediajob/contract';
import { errnoOf, readJsonIfExists, removeTree, storageErrorOf, type Volume, writeJsonAtomic } from '@mediajob/storage';

/** An upload as it is on the volume. */
export interface StoredUpload {
  readonly info: UploadInfo;
  /** Length of the file so far, in bytes: the offset at which the upload goes on. */
  readonly receivedBytes: number;
  /** When bytes last came, it was made, or somebody last meant to make a job of it. */
  readonly touchedAt: Date;
}

const RUN_ID = 'main';

/**
 * `uploads/<id>/` on the volume: the growing file `source` and, beside it, `upload.json`. Holds every side effect of
 * uploads on the disk and no rules. Callers hold the upload's lock when they change anything.
 */
export class UploadFiles {
  readonly volume: Volume;

  constructor(volume: Volume) {
    this.volume = volume;
  }

  /** Makes an empty upload; durable when it returns. On an error nothing is left. */
  async create(info: UploadInfo): Promise<void> {
    const { volume } = this;
    try {
      await volume.ensureDirectory(volume.layout.upload(info.id));
      const file = await volume.files.create(volume.resolve(volume.layout.uploadSource(info.id)));
      try {
        await volume.files.syncData(file);
      } finally {
        await file.close();
      }
      // Its fsync of the directory makes the name of `source` durable, too.
      await this.write(info);
    } catch (error) {
      await removeTree(volume, volume.layout.upload(info.id)).catch(() => false);
      throw storageErrorOf(error, 'making the upload', volume.layout.upload(info.id));
    }
  }

  /** Replaces `upload.json`, durably. */
  async write(info: UploadInfo): Promise<void> {
    const { volume } = this;
    await writeJsonAtomic(this.#infoPath(info.id), UploadInfo.parse(info), {
      runId: RUN_ID,
      files: volume.files,
    });
  }

  /** @returns undefined when there is no such upload, or only the remains of one */
  async read(id: UploadId): Promise<StoredUpload | undefined> {
    const { volume } = this;
    const info = await readJsonIfExists(this.#infoPath(id), UploadInfo);
    if (!info) return undefined;
    const source = volume.resolve(volume.layout.uploadSource(id));
    try {
      const [{ size, mtimeMs }, about] = await Promise.all([stat(source), stat(this.#infoPath(id))]);
      const touchedAt = new Date(Math.max(mtimeMs, about.mtimeMs, Date.parse(info.createdAt)));
      return { info, receivedBytes: size, touchedAt };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw storageErrorOf(error, 'reading', source);
    }
  }

  /** Makes it young again, for every main that shares the volume. One that is gone is fine: who needs it finds out. */
  async touch(id: UploadId): Promise<void> {
    const now = new Date();
    await utimes(this.#infoPath(id), now, now).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw storageErrorOf(error, 'touching', this.#infoPath(id));
    });
  }

  /** Opens the growing file for reading its head and writing at its end; never through a link, never a new one. */
  async openSource(id: UploadId): Promise<FileHandle> {
    const path = this.volume.resolve(this.volume.layout.uploadSource(id));
    try {
      return await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
    } catch (error) {
      throw storageErrorOf(error, 'opening', path);
    }
  }

  /** Puts the bytes of the growing file, and its name, onto stable storage. */
  async sync(id: UploadId, source: FileHandle): Promise<void> {
    await this.volume.files.syncData(source);
    await this.volume.files.syncDirectory(dirname(this.volume.resolve(this.volume.layout.uploadSource(id))));
  }

  /** @returns whether there was something to remove */
  remove(id: UploadId): Promise<boolean> {
    return removeTree(this.volume, this.volume.layout.upload(id));
  }

  /** Ids of all uploads and of remains of uploads. */
  async list(): Promise<UploadId[]> {
    const directory = this.volume.resolve('uploads');
    try {
      return (await readdir(directory)).filter((name) => UploadId.safeParse(name).success);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw storageErrorOf(error, 'listing', directory);
    }
  }

  /** When the directory of an upload last changed: the age of remains that have no `upload.json`. */
  async changedAt(id: UploadId): Promise<Date | undefined> {
    try {
      return (await stat(this.volume.resolve(this.volume.layout.upload(id)))).mtime;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw storageErrorOf(error, 'reading', this.volume.layout.upload(id));
    }
  }

  #infoPath(id: UploadId): string {
    return this.volume.resolve(this.volume.layout.uploadInfo(id));
  }
}
