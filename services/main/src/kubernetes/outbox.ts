import { isDeepStrictEqual } from 'node:util';
import type { JobId, MediaJob, VolumePath } from '@mediajob/contract';
import type { Environment } from '@mediajob/kube';
import { ProblemError } from '@mediajob/service';
import { type DiscardedRequest, keptJob, type OutboxEntry } from './outbox-entry.js';
import type { OutboxFiles } from './outbox-files.js';
import { Turns } from './turns.js';

export interface OutboxOptions {
  readonly environment: Environment;
  /** Told of every job that is kept, or is kept in another way than before. */
  onChanged(job: MediaJob): void;
  /** Told when a job is kept no longer: it is made, or nobody wants it. */
  onRemoved(request: JobId): void;
}

/** An entry in the hands of its only user in this process. */
export interface HeldEntry {
  readonly entry: OutboxEntry;
  /** @throws StorageFullError, StorageError: then it is as it was */
  rewrite(entry: OutboxEntry): Promise<void>;
  remove(): Promise<void>;
}

interface Kept {
  readonly key: string;
  readonly entry: OutboxEntry;
  readonly job: MediaJob;
}

/** All changes of files, so that looking at them and acting on what was seen is one thing. */
const FILES = 'files';

/**
 * Jobs that the cluster has not taken yet: files on the volume, with a copy in memory. Several mains may share them: each
 * sees what the others have done when it looks again, and what two do at the same moment does no harm, because a job is
 * known by its request wherever it is made.
 */
export class Outbox {
  readonly #files: OutboxFiles;
  readonly #options: OutboxOptions;
  readonly #kept = new Map<JobId, Kept>();
  readonly #why = new Map<JobId, string>();
  readonly #turns = new Turns();
  readonly #unreadable = new Set<string>();
  #loaded = false;

  constructor(files: OutboxFiles, options: OutboxOptions) {
    this.#files = files;
    this.#options = options;
  }

  /** False until the volume has been read once: until then nobody knows what is kept. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** The oldest first: in this order they are made. */
  jobs(): MediaJob[] {
    return [...this.#kept.values()].sort(compareQueued).map(({ job }) => job);
  }

  find(request: JobId): MediaJob | undefined {
    return this.#kept.get(request)?.job;
  }

  /** By the name that was asked for, or the one under which it will be made. */
  byName(name: string): MediaJob | undefined {
    return [...this.#kept.values()].find(({ key, entry }) => key === name || entry.name === name)?.job;
  }

  naming(path: VolumePath): JobId[] {
    return [...this.#kept.values()]
      .filter(({ entry }) => entry.spec.source.path === path)
      .map(({ entry }) => entry.request);
  }

  /** Looks what is there now: what other mains, or the last process, have left. @throws StorageError */
  async load(): Promise<void> {
    await this.#turns.take(FILES, async () => {
      const keys = await this.#files.list();
      const present = new Set<JobId>();
      for (const key of keys) {
        const entry = await this.#read(key);
        if (entry === undefined) continue;
        present.add(entry.request);
        this.#keep(key, entry);
      }
      for (const request of [...this.#kept.keys()]) if (!present.has(request)) this.#forget(request);
      this.#loaded = true;
    });
  }

  /**
   * Keeps a job under the name that it asks for; durable when this returns.
   * @returns the job that has the name already, when there is one
   * @throws ProblemError busy; StorageFullError, StorageError
   */
  async add(entry: OutboxEntry): Promise<{ job: MediaJob; created: boolean }> {
    this.mustBeLoaded();
    return this.#turns.take(FILES, async () => {
      for (;;) {
        const known = this.byName(entry.name);
        if (known !== undefined) return { job: known, created: false };
        if (await this.#files.add(entry.name, entry)) return { job: this.#keep(entry.name, entry), created: true };
        // Another main was first; if its job is made by now, the name is free for this file again.
        const other = await this.#files.read(entry.name);
        if (other !== undefined) return { job: this.#keep(entry.name, other), created: false };
      }
    });
  }

  /**
   * Works on an entry as its only user in this process, on what the file says now.
   * @returns undefined when it is not there any more: made, or discarded
   * @throws what `work` throws; StorageError
   */
  async hold<T>(request: JobId, work: (held: HeldEntry) => Promise<T>): Promise<T | undefined> {
    return this.#turns.take(request, async () => {
      const entry = await this.#turns.take(FILES, () => this.#current(request));
      if (entry === undefined) return undefined;
      return work({
        entry,
        rewrite: (changed) =>
          this.#turns.take(FILES, async () => {
            const kept = this.#kept.get(request);
            // Discarded meanwhile: writing it would bring it back.
            if (kept === undefined) return;
            await this.#files.write(kept.key, changed);
            this.#keep(kept.key, changed);
          }),
        remove: () =>
          this.#turns.take(FILES, async () => {
            const kept = this.#kept.get(request);
            if (kept === undefined) return;
            await this.#files.remove(kept.key);
            this.#forget(request);
          }),
      });
    });
  }

  /** What the file of an entry says now; undefined when it is gone. @throws StorageError */
  async latest(request: JobId): Promise<OutboxEntry | undefined> {
    return this.#turns.take(FILES, () => this.#current(request));
  }

  /** Why the cluster has not taken it; for people only. */
  note(request: JobId, why: string | undefined): void {
    if (this.#why.get(request) === why) return;
    if (why === undefined) this.#why.delete(request);
    else this.#why.set(request, why);
    const kept = this.#kept.get(request);
    if (kept !== undefined) this.#keep(kept.key, kept.entry);
  }

  /**
   * Nobody wants the job any more, whether the cluster has it by now or not. Does not wait for a call to the cluster that
   * is under way: who made it sees afterwards that the job is not wanted.
   * @throws StorageFullError, StorageError
   */
  async discard(request: JobId): Promise<MediaJob | undefined> {
    // Another main may have kept it a moment ago.
    if (!this.#kept.has(request)) await this.load();
    return this.#turns.take(FILES, async () => {
      const kept = this.#kept.get(request);
      if (kept === undefined) return undefined;
      const at = new Date(this.#options.environment.clock.now()).toISOString();
      await this.#files.discard({ schemaVersion: 1, request, at });
      await this.#files.remove(kept.key);
      this.#forget(request);
      return { ...kept.job, metadata: { ...kept.job.metadata, deletionTimestamp: at } };
    });
  }

  /** Requests that the cluster may have, and nobody wants. */
  async discarded(): Promise<DiscardedRequest[]> {
    const found: DiscardedRequest[] = [];
    for (const request of await this.#files.discarded()) {
      const discarded = await this.#files.readDiscarded(request);
      if (discarded !== undefined) found.push(discarded);
    }
    return found;
  }

  async isDiscarded(request: JobId): Promise<boolean> {
    return (await this.#files.readDiscarded(request)) !== undefined;
  }

  async forgetDiscarded(request: JobId): Promise<void> {
    await this.#files.forgetDiscarded(request);
  }

  /** @throws ProblemError busy while the volume has not been read: nobody may act on what is not there */
  mustBeLoaded(): void {
    if (this.#loaded) return;
    throw new ProblemError('busy', 'The jobs that are kept on the media volume are not read yet. Try again shortly.', {
      headers: { 'retry-after': '5' },
    });
  }

  async #current(request: JobId): Promise<OutboxEntry | undefined> {
    const kept = this.#kept.get(request);
    if (kept === undefined) return undefined;
    const entry = await this.#files.read(kept.key);
    if (entry?.request === request) {
      this.#keep(kept.key, entry);
      return entry;
    }
    this.#forget(request);
    return undefined;
  }

  /** One that cannot be read is left where it is, told of once, and hinders nothing else. */
  async #read(key: string): Promise<OutboxEntry | undefined> {
    try {
      const entry = await this.#files.read(key);
      this.#unreadable.delete(key);
      return entry;
    } catch (error) {
      if (!this.#unreadable.has(key)) {
        this.#options.environment.log.error(
          { err: error, name: key },
          `jobs/.outbox/${key}.json cannot be read: this job is not made, and its file is left alone. Mend or remove it.`,
        );
      }
      this.#unreadable.add(key);
      return undefined;
    }
  }

  #keep(key: string, entry: OutboxEntry): MediaJob {
    const before = this.#kept.get(entry.request)?.job;
    const job = keptJob(entry, this.#why.get(entry.request));
    this.#kept.set(entry.request, { key, entry, job });
    if (!isDeepStrictEqual(before, job)) this.#options.onChanged(job);
    return job;
  }

  #forget(request: JobId): void {
    this.#why.delete(request);
    if (this.#kept.delete(request)) this.#options.onRemoved(request);
  }
}

function compareQueued({ entry: a }: Kept, { entry: b }: Kept): number {
  if (a.queuedAt !== b.queuedAt) return a.queuedAt < b.queuedAt ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
