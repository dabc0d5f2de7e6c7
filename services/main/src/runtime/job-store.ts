import { isDeepStrictEqual } from 'node:util';
import type { JobId, MediaJob, Phase, VolumePath } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import type { JobDirectory } from '../job-directory.js';
import { compareAge } from '../jobs/job-list.js';
import type { Clock } from './clock.js';
import type { JobFiles } from './job-files.js';
import type { JobRecord, RunRecord } from './job-record.js';

export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface JobStoreOptions {
  readonly clock: Clock;
  readonly log: StoreLog;
  /** Told of every job that changed, in order; progress at most every `tellEveryMs`. */
  onChanged(job: MediaJob): void;
  onRemoved(id: JobId): void;
  /** Progress alone is written at most this often, in ms. */
  readonly writeEveryMs?: number;
  readonly tellEveryMs?: number;
}

interface Entry {
  record: JobRecord;
  /** Changes of one job follow each other. */
  queue: Promise<unknown>;
  /** Memory is newer than the file, by progress only. */
  dirty: boolean;
  flushing: (() => void) | undefined;
  telling: (() => void) | undefined;
}

const WRITE_EVERY_MS = 1000;
const TELL_EVERY_MS = 200;
const WRITE_AGAIN_MS = 5000;

/**
 * The jobs of the local runtime: JSON files with a copy in memory. What matters is on stable storage before anyone acts on
 * it; progress is written now and then. A write that fails changes nothing: the old state stays, in memory as well.
 */
export class JobStore implements JobDirectory {
  readonly #files: JobFiles;
  readonly #options: Required<JobStoreOptions>;
  readonly #entries = new Map<JobId, Entry>();
  readonly #names = new Map<string, JobId>();
  readonly #unreadable = new Set<JobId>();
  #version = 0;
  #loaded = false;
  #closed = false;

  constructor(files: JobFiles, options: JobStoreOptions) {
    this.#files = files;
    this.#options = { writeEveryMs: WRITE_EVERY_MS, tellEveryMs: TELL_EVERY_MS, ...options };
  }

  /**
   * Reads all jobs. One that cannot be read is left where it is, told of, and hinders nothing else.
   * @throws StorageError when the volume itself cannot be read: then nothing is loaded, and this may be called again
   */
  async load(): Promise<void> {
    for (const id of await this.#files.list()) {
      try {
        const record = await this.#files.read(id);
        if (record === undefined) continue;
        if (record.job.metadata.uid !== id) throw new Error(`it is of job ${record.job.metadata.uid}`);
        this.#version = Math.max(this.#version, Number(record.job.metadata.resourceVersion) || 0);
        this.#keep(record);
      } catch (error) {
        this.#unreadable.add(id);
        this.#options.log.error(
          { err: error, jobId: id },
          `jobs/${id}/job.json cannot be read: this job is left out, and its files are left alone. Mend the file or remove the directory, then start again.`,
        );
      }
    }
    this.#loaded = true;
  }

  /** @throws ProblemError busy while it is not known which jobs there are: nobody may act on their absence */
  #mustBeLoaded(): void {
    if (this.#loaded) return;
    throw new ProblemError('busy', 'The jobs on the media volume are not read yet. Try again shortly.', {
      headers: { 'retry-after': '5' },
    });
  }

  get(id: JobId): MediaJob | undefined {
    this.#mustBeLoaded();
    return this.#entries.get(id)?.record.job;
  }

  record(id: JobId): JobRecord | undefined {
    return this.#entries.get(id)?.record;
  }

  byName(name: string): MediaJob | undefined {
    this.#mustBeLoaded();
    const id = this.#names.get(name);
    return id === undefined ? undefined : this.get(id);
  }

  /** Oldest first; of the same moment, by id. */
  records(): JobRecord[] {
    return [...this.#entries.values()].map(({ record }) => record).sort((a, b) => compareAge(a.job, b.job));
  }

  /** In no order; for looks at all of them that come often. */
  *unordered(): Generator<JobRecord> {
    for (const { record } of this.#entries.values()) yield record;
  }

  jobs(): MediaJob[] {
    this.#mustBeLoaded();
    return this.records().map(({ job }) => job);
  }

  ids(): ReadonlySet<JobId> {
    this.#mustBeLoaded();
    return new Set([...this.#entries.keys(), ...this.#unreadable]);
  }

  naming(path: VolumePath): JobId[] {
    this.#mustBeLoaded();
    const ids: JobId[] = [];
    for (const [id, { record }] of this.#entries) if (record.job.spec.source.path === path) ids.push(id);
    return ids;
  }

  phases(): Partial<Record<Phase, number>> {
    const counts: Partial<Record<Phase, number>> = {};
    for (const { record } of this.#entries.values()) {
      const { phase } = record.job.status;
      counts[phase] = (counts[phase] ?? 0) + 1;
    }
    return counts;
  }

  /**
   * Adds a job; it is on stable storage when this returns.
   * @returns the job of that name that was there first, when there is one
   * @throws StorageFullError, StorageError
   */
  async insert(record: JobRecord): Promise<MediaJob | undefined> {
    this.#mustBeLoaded();
    const { uid, name } = record.job.metadata;
    for (let other = this.#names.get(name); other !== undefined; other = this.#names.get(name)) {
      // It may just be being written, and fail.
      await this.#entries.get(other)?.queue;
      const job = this.get(other);
      if (job !== undefined) return job;
    }
    // Taken before the write, so that two requests at once cannot both have the name.
    this.#names.set(name, uid);
    const entry = this.#keep(withVersion(record, this.#nextVersion()));
    try {
      await this.#inTurn(entry, () => this.#files.write(entry.record));
    } catch (error) {
      this.#drop(record.job);
      throw error;
    }
    this.#options.onChanged(entry.record.job);
    return undefined;
  }

  /**
   * Changes a job: one at a time, the next sees what the last wrote. The file is written before this returns, unless only
   * progress changed.
   * @param change gives the new record, or the same one for no change
   * @returns the record after it; undefined when there is no such job
   * @throws what `change` throws; StorageFullError, StorageError: then nothing has changed
   */
  async change(id: JobId, change: (record: JobRecord) => JobRecord): Promise<JobRecord | undefined> {
    const entry = this.#entries.get(id);
    if (entry === undefined || this.#closed) return undefined;
    return this.#inTurn(entry, async () => {
      if (this.#entries.get(id) !== entry) return undefined;
      const before = entry.record;
      const changed = change(before);
      if (changed === before || isDeepStrictEqual(changed, before)) return before;
      const after = withVersion(changed, this.#nextVersion());
      if (isDeepStrictEqual(withoutProgress(after), withoutProgress(before))) {
        entry.record = after;
        entry.dirty = true;
        entry.flushing ??= this.#options.clock.after(this.#options.writeEveryMs, () => this.#flushLater(entry));
        entry.telling ??= this.#options.clock.after(this.#options.tellEveryMs, () => this.#tell(entry));
        return after;
      }
      await this.#files.write(after);
      entry.record = after;
      entry.dirty = false;
      this.#tell(entry);
      return after;
    });
  }

  /** Removes what is left of a job, its record last. @throws StorageError */
  async remove(id: JobId): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    await this.#inTurn(entry, async () => {
      await this.#files.remove(id);
      entry.flushing?.();
      entry.telling?.();
      this.#drop(entry.record.job);
    });
    this.#options.onRemoved(id);
  }

  /** Writes progress that is only in memory, and takes no more changes. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#entries.values()].map((entry) => this.#inTurn(entry, () => this.#flush(entry))));
  }

  #keep(record: JobRecord): Entry {
    const { uid, name } = record.job.metadata;
    const entry: Entry = { record, queue: Promise.resolve(), dirty: false, flushing: undefined, telling: undefined };
    this.#entries.set(uid, entry);
    this.#names.set(name, uid);
    return entry;
  }

  #drop(job: MediaJob): void {
    this.#entries.delete(job.metadata.uid);
    if (this.#names.get(job.metadata.name) === job.metadata.uid) this.#names.delete(job.metadata.name);
  }

  #inTurn<T>(entry: Entry, work: () => Promise<T>): Promise<T> {
    const turn = entry.queue.then(work);
    // The next one comes whatever becomes of this one.
    entry.queue = turn.catch(() => undefined);
    return turn;
  }

  #flushLater(entry: Entry): void {
    entry.flushing = undefined;
    void this.#inTurn(entry, () => this.#flush(entry)).catch((error: unknown) => {
      this.#options.log.warn({ err: error, jobId: entry.record.job.metadata.uid }, 'progress could not be written');
      entry.flushing ??= this.#options.clock.after(WRITE_AGAIN_MS, () => this.#flushLater(entry));
    });
  }

  async #flush(entry: Entry): Promise<void> {
    entry.flushing?.();
    entry.flushing = undefined;
    if (!entry.dirty || this.#entries.get(entry.record.job.metadata.uid) !== entry) return;
    await this.#files.write(entry.record);
    entry.dirty = false;
  }

  #tell(entry: Entry): void {
    entry.telling?.();
    entry.telling = undefined;
    this.#options.onChanged(entry.record.job);
  }

  #nextVersion(): string {
    this.#version++;
    return String(this.#version);
  }
}

function withVersion(record: JobRecord, resourceVersion: string): JobRecord {
  return { ...record, job: { ...record.job, metadata: { ...record.job.metadata, resourceVersion } } };
}

/** What a crash must not lose: everything but progress, which the next look brings back. */
function withoutProgress({ job, runs, ...rest }: JobRecord): unknown {
  const { resourceVersion: _version, ...metadata } = job.metadata;
  const { progress: _progress, usage: _usage, stages, ...status } = job.status;
  return {
    ...rest,
    job: { ...job, metadata, status: { ...status, stages: stages.map(({ percent: _percent, ...stage }) => stage) } },
    runs: runs.map(({ progress: _p, usage: _u, placement, ...run }: RunRecord) =>
      // That a worker has answered is found out again by asking it.
      placement === undefined ? run : { ...run, placement: { ...placement, confirmed: true } },
    ),
  };
}
