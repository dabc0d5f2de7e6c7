import { readdir } from 'node:fs/promises';
import { JobId, JobName } from '@mediajob/contract';
import {
  AlreadyExistsError,
  errnoOf,
  layout,
  readJsonIfExists,
  removeFile,
  storageErrorOf,
  type Volume,
  writeJsonAtomic,
} from '@mediajob/storage';
import { DiscardedRequest, OutboxEntry } from './outbox-entry.js';

/** Every side effect of the outbox on the disk. Each is whole and durable when it returns, or has not happened. */
export interface OutboxFiles {
  /** Keys of all entries. @throws StorageError */
  list(): Promise<string[]>;
  /** @throws DocumentError, StorageError */
  read(key: string): Promise<OutboxEntry | undefined>;
  /** @returns false when there is an entry of this key already @throws StorageFullError, StorageError */
  add(key: string, entry: OutboxEntry): Promise<boolean>;
  /** @throws StorageFullError, StorageError */
  write(key: string, entry: OutboxEntry): Promise<void>;
  /** Nothing there is fine. */
  remove(key: string): Promise<void>;
  discarded(): Promise<JobId[]>;
  readDiscarded(request: JobId): Promise<DiscardedRequest | undefined>;
  discard(discarded: DiscardedRequest): Promise<void>;
  forgetDiscarded(request: JobId): Promise<void>;
}

const RUN_ID = 'main';

/** On the media volume, where several mains may share it. */
export class VolumeOutboxFiles implements OutboxFiles {
  readonly #volume: Volume;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  list(): Promise<string[]> {
    return this.#names(layout.outbox(), (name) => JobName.safeParse(name).data);
  }

  read(key: string): Promise<OutboxEntry | undefined> {
    return readJsonIfExists(this.#volume.resolve(layout.outboxEntry(key)), OutboxEntry);
  }

  async add(key: string, entry: OutboxEntry): Promise<boolean> {
    await this.#volume.ensureDirectory(layout.outbox());
    try {
      await writeJsonAtomic(this.#volume.resolve(layout.outboxEntry(key)), entry, {
        runId: RUN_ID,
        files: this.#volume.files,
        ifAbsent: true,
      });
      return true;
    } catch (error) {
      if (error instanceof AlreadyExistsError) return false;
      throw error;
    }
  }

  async write(key: string, entry: OutboxEntry): Promise<void> {
    await writeJsonAtomic(this.#volume.resolve(layout.outboxEntry(key)), entry, {
      runId: RUN_ID,
      files: this.#volume.files,
    });
  }

  async remove(key: string): Promise<void> {
    await removeFile(this.#volume.resolve(layout.outboxEntry(key)), { files: this.#volume.files });
  }

  discarded(): Promise<JobId[]> {
    return this.#names(`${layout.outbox()}/discarded`, (name) => JobId.safeParse(name).data);
  }

  readDiscarded(request: JobId): Promise<DiscardedRequest | undefined> {
    return readJsonIfExists(this.#volume.resolve(layout.outboxDiscarded(request)), DiscardedRequest);
  }

  async discard(discarded: DiscardedRequest): Promise<void> {
    await this.#volume.ensureDirectory(`${layout.outbox()}/discarded`);
    await writeJsonAtomic(this.#volume.resolve(layout.outboxDiscarded(discarded.request)), discarded, {
      runId: RUN_ID,
      files: this.#volume.files,
    });
  }

  async forgetDiscarded(request: JobId): Promise<void> {
    await removeFile(this.#volume.resolve(layout.outboxDiscarded(request)), { files: this.#volume.files });
  }

  async #names(directory: string, parse: (name: string) => string | undefined): Promise<string[]> {
    const absolute = this.#volume.resolve(directory);
    let names: string[];
    try {
      names = await readdir(absolute);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw storageErrorOf(error, 'listing', absolute);
    }
    return names.flatMap((name) => (name.endsWith('.json') ? (parse(name.slice(0, -'.json'.length)) ?? []) : []));
  }
}
