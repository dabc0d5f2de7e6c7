import { readdir } from 'node:fs/promises';
import { type JobId, JobId as JobIdSchema } from '@mediajob/contract';
import {
  InputNotFoundError,
  layout,
  readJsonIfExists,
  removeTree,
  type Volume,
  writeJsonAtomic,
} from '@mediajob/storage';
import { JobRecord } from './job-record.js';

/** Every side effect of the job store. */
export interface JobFiles {
  /** Ids of all job directories. */
  list(): Promise<JobId[]>;
  /** @returns undefined when the directory has no job.json @throws DocumentError, StorageError */
  read(id: JobId): Promise<JobRecord | undefined>;
  /** Durable when it returns; before, the old one is whole. @throws StorageFullError, StorageError */
  write(record: JobRecord): Promise<void>;
  /** Removes all files of a job but job.json: outputs and work. Nothing there is fine. */
  clean(id: JobId): Promise<void>;
  /** Removes what is left of a job: its directory with job.json. */
  remove(id: JobId): Promise<void>;
}

/** On the media volume. */
export class VolumeJobFiles implements JobFiles {
  readonly #volume: Volume;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  async list(): Promise<JobId[]> {
    const directory = await this.#volume.ensureDirectory('jobs');
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && JobIdSchema.safeParse(entry.name).success)
      .map((entry) => entry.name);
  }

  read(id: JobId): Promise<JobRecord | undefined> {
    return readJsonIfExists(this.#volume.resolve(layout.jobFile(id)), JobRecord);
  }

  async write(record: JobRecord): Promise<void> {
    const id = record.job.metadata.uid;
    await writeJsonAtomic(this.#volume.resolve(layout.jobFile(id)), record, {
      runId: 'main',
      files: this.#volume.files,
    });
  }

  async clean(id: JobId): Promise<void> {
    await removeTree(this.#volume, layout.outputs(id));
    for (const name of await this.#contents(id)) {
      if (`${layout.job(id)}/${name}` !== layout.jobFile(id))
        await removeTree(this.#volume, `${layout.job(id)}/${name}`);
    }
  }

  async remove(id: JobId): Promise<void> {
    await removeTree(this.#volume, layout.job(id));
  }

  async #contents(id: JobId): Promise<string[]> {
    try {
      return await readdir(await this.#volume.resolveExisting(layout.job(id), 'directory'));
    } catch (error) {
      if (error instanceof InputNotFoundError) return [];
      throw error;
    }
  }
}
