import type { CreateJobInput, MediaJob, UploadStatus } from '@mediajob/contract';
import { ApiError } from '../api/problem.ts';
import { Store } from '../components/store.ts';
import type { JobOptions } from '../preferences/preferences.ts';
import { jobRequest, uploadIdOf } from './job-request.ts';
import { SpeedMeter } from './speed-meter.ts';
import type { StartTransfer, Transfer } from './transfer.ts';
import { fileKey, type RecordStorage, type UploadRecord } from './upload-records.ts';

/**
 * - `queued`: its turn comes; `sending`; `paused` by the person
 * - `waiting`: the server did not answer or is full; goes on by itself
 * - `starting`: all bytes are stored, the job is being created; `done`: there is a job
 * - `unfinished`: of an earlier visit; needs the file again. `expired`: likewise, and the server has nothing of it any more
 * - `failed`: will not mend itself
 */
export type UploadState =
  | 'queued'
  | 'sending'
  | 'paused'
  | 'waiting'
  | 'starting'
  | 'done'
  | 'unfinished'
  | 'expired'
  | 'failed';

export interface UploadItem {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly state: UploadState;
  readonly sentBytes: number;
  readonly bytesPerSecond?: number | undefined;
  readonly error?: ApiError | undefined;
  readonly job?: MediaJob | undefined;
}

/** Everything outside the queue that it needs. */
export interface UploadQueueDependencies {
  readonly startTransfer: StartTransfer;
  readonly records: RecordStorage;
  createJob(body: CreateJobInput): Promise<MediaJob>;
  uploadStatus(id: string): Promise<UploadStatus | undefined>;
  discardUpload(id: string): Promise<void>;
  now(): number;
  /** Runs soon, once for many changes: a frame of the screen. */
  soon(run: () => void): void;
  /** Runs after `ms`; returns how to call it off. */
  later(run: () => void, ms: number): () => void;
}

/** Transfers at once; more only share the same line. */
const AT_ONCE = 2;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
/**
 * Conflict, Locked: the server stands elsewhere than was thought, which a new start asks it. Not rare: when a connection
 * that was used before is reset, a browser sends the request again by itself, though a part of it had arrived.
 */
const OUT_OF_STEP: ReadonlySet<number> = new Set([409, 423]);

/** One upload, with what only the queue needs to know of it. */
interface Entry {
  readonly key: string;
  readonly name: string;
  readonly size: number;
  readonly lastModified: number;
  readonly mediaType: string;
  readonly options: JobOptions;
  readonly meter: SpeedMeter;
  file: File | undefined;
  state: UploadState;
  url: string | undefined;
  sentBytes: number;
  /** The server has acknowledged every byte. That all have left the browser is not enough. */
  complete: boolean;
  error: ApiError | undefined;
  job: MediaJob | undefined;
  transfer: Transfer | undefined;
  /** Grows with every start and stop: what an older transfer still says is not listened to. */
  turn: number;
  tries: number;
  callOff: (() => void) | undefined;
}

/**
 * The uploads of this page: sends them in turn, waits out a server that is away, creates their jobs,
 * and remembers those that are not finished for the next visit.
 */
export class UploadQueue {
  /** What the screen shows, in the order of adding. */
  readonly items = new Store<readonly UploadItem[]>([]);
  readonly #deps: UploadQueueDependencies;
  readonly #entries = new Map<string, Entry>();
  #announced = false;

  constructor(deps: UploadQueueDependencies) {
    this.#deps = deps;
  }

  /** Takes up what earlier visits left: complete uploads get their job, the others wait for their file. */
  async restore(): Promise<void> {
    const restored = this.#deps.records.all().map((record) => {
      const entry = entryOf(record, undefined, record.options);
      entry.url = record.url;
      entry.sentBytes = record.sentBytes;
      entry.state = 'unfinished';
      this.#entries.set(entry.key, entry);
      return entry;
    });
    this.#show();
    await Promise.all(restored.map((entry) => this.#askServer(entry)));
  }

  /** Adds files. A file whose upload was begun on an earlier visit goes on from there. */
  add(files: readonly File[], options: JobOptions): void {
    for (const file of files) {
      const key = fileKey(file);
      const known = this.#entries.get(key);
      if (known?.state === 'unfinished') {
        known.file = file;
        known.state = 'queued';
      } else if (
        known === undefined ||
        known.state === 'expired' ||
        known.state === 'done' ||
        known.state === 'failed'
      ) {
        this.#entries.delete(key);
        this.#entries.set(key, entryOf(file, file, options));
      }
    }
    this.#next();
  }

  /** Whether a file is being uploaded already, so that choosing it again changes nothing. */
  isRunning(file: File): boolean {
    const state = this.#entries.get(fileKey(file))?.state;
    return state !== undefined && ['queued', 'sending', 'paused', 'waiting', 'starting'].includes(state);
  }

  pause(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || !['queued', 'sending', 'waiting'].includes(entry.state)) return;
    this.#stop(entry, 'paused');
    this.#next();
  }

  /** Goes on with what was paused, waits or failed. */
  resume(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || !['paused', 'waiting', 'failed'].includes(entry.state)) return;
    this.#stop(entry, 'queued');
    entry.tries = 0;
    this.#next();
  }

  /** Tries everything that waits, at once: the network is back. */
  resumeWaiting(): void {
    for (const entry of this.#entries.values()) if (entry.state === 'waiting') this.resume(entry.key);
  }

  /** Gives an upload up, here and on the server; one that is done only leaves the list. */
  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    const stored = entry.url;
    const discard = entry.state !== 'done' && entry.state !== 'starting' && stored !== undefined;
    this.#stop(entry, entry.state);
    this.#entries.delete(key);
    this.#deps.records.remove(key);
    // When the server is away, it removes the upload by itself after a while.
    if (discard) this.#deps.discardUpload(uploadIdOf(stored)).catch(() => undefined);
    this.#next();
  }

  async #askServer(entry: Entry): Promise<void> {
    let status: UploadStatus | undefined;
    try {
      status = await this.#deps.uploadStatus(uploadIdOf(entry.url ?? ''));
    } catch {
      return; // The server is away: what was remembered stays on the screen.
    }
    if (entry.state !== 'unfinished') return;
    if (status === undefined) {
      entry.state = 'expired';
      entry.url = undefined;
      entry.sentBytes = 0;
      this.#deps.records.remove(entry.key);
    } else if (status.complete && status.jobs.length > 0) {
      this.#entries.delete(entry.key);
      this.#deps.records.remove(entry.key);
    } else if (status.complete) {
      entry.sentBytes = entry.size;
      entry.complete = true;
      void this.#createJob(entry);
    } else {
      entry.sentBytes = status.receivedBytes;
    }
    this.#show();
  }

  #next(): void {
    const sending = [...this.#entries.values()].filter((entry) => entry.state === 'sending').length;
    const queued = [...this.#entries.values()].filter((entry) => entry.state === 'queued');
    for (const entry of queued.slice(0, Math.max(0, AT_ONCE - sending))) void this.#send(entry);
    this.#show();
  }

  async #send(entry: Entry): Promise<void> {
    if (entry.complete) return this.#createJob(entry);
    if (entry.file === undefined) return;
    entry.state = 'sending';
    entry.error = undefined;
    entry.meter.reset();
    entry.turn += 1;
    const turn = entry.turn;
    const current = () => entry.turn === turn;
    try {
      const transfer = await this.#deps.startTransfer(entry.file, entry.url, {
        onAddress: (url) => {
          if (!current()) return;
          entry.url = url;
          this.#remember(entry);
        },
        onProgress: (sent) => {
          if (!current()) return;
          entry.sentBytes = sent;
          entry.meter.add(this.#deps.now(), sent);
          this.#showSoon();
        },
        onStored: (stored) => {
          if (!current()) return;
          entry.tries = 0;
          this.#remember(entry, stored);
        },
        onComplete: (url) => {
          if (!current()) return;
          entry.url = url;
          entry.sentBytes = entry.size;
          entry.complete = true;
          this.#remember(entry);
          void this.#createJob(entry);
          this.#next();
        },
        onError: (error) => {
          if (!current()) return;
          if (OUT_OF_STEP.has(error.status)) this.#waitAndGoOn(entry, error);
          else this.#fail(entry, error);
        },
      });
      if (current()) entry.transfer = transfer;
      else transfer.stop();
    } catch (cause) {
      // The code for sending could not be loaded: the same as a server that does not answer.
      if (current()) this.#fail(entry, new ApiError('unreachable', 'The server did not answer.', { cause }));
    }
  }

  async #createJob(entry: Entry): Promise<void> {
    entry.state = 'starting';
    entry.transfer = undefined;
    entry.turn += 1;
    const turn = entry.turn;
    this.#show();
    try {
      const job = await this.#deps.createJob(jobRequest(uploadIdOf(entry.url ?? ''), entry.name, entry.options));
      if (entry.turn !== turn) return;
      entry.job = job;
      entry.state = 'done';
      entry.file = undefined;
      this.#deps.records.remove(entry.key);
      this.#next();
    } catch (error) {
      if (entry.turn !== turn) return;
      this.#fail(entry, error instanceof ApiError ? error : new ApiError('unknown', String(error), { cause: error }));
    }
  }

  #fail(entry: Entry, error: ApiError): void {
    if (error.temporary) {
      this.#waitAndGoOn(entry, error);
      entry.error = error;
      this.#show();
      return;
    }
    this.#stop(entry, 'failed');
    entry.error = error;
    // The server has refused it for good: there is nothing to go on with on the next visit.
    this.#deps.records.remove(entry.key);
    if (error.status === 404 || error.status === 410) {
      entry.url = undefined;
      entry.sentBytes = 0;
      entry.complete = false;
    }
    this.#next();
  }

  #waitAndGoOn(entry: Entry, { retryAfterMs = 0 }: ApiError): void {
    this.#stop(entry, 'waiting');
    entry.tries += 1;
    const backoff = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (entry.tries - 1));
    entry.callOff = this.#deps.later(
      () => {
        entry.callOff = undefined;
        entry.state = 'queued';
        this.#next();
      },
      Math.max(backoff, retryAfterMs),
    );
    this.#next();
  }

  #stop(entry: Entry, state: UploadState): void {
    entry.turn += 1;
    entry.callOff?.();
    entry.callOff = undefined;
    entry.transfer?.stop();
    entry.transfer = undefined;
    entry.state = state;
  }

  #remember(entry: Entry, stored = entry.sentBytes): void {
    if (entry.url === undefined) return;
    const { name, size, lastModified, mediaType, url, options } = entry;
    this.#deps.records.put({ name, size, lastModified, mediaType, url, options, sentBytes: stored });
  }

  #showSoon(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#deps.soon(() => {
      this.#announced = false;
      this.#show();
    });
  }

  #show(): void {
    this.items.set(
      [...this.#entries.values()].map(({ key, name, size, state, sentBytes, meter, error, job }) => ({
        key,
        name,
        size,
        state,
        sentBytes,
        bytesPerSecond: state === 'sending' ? meter.bytesPerSecond : undefined,
        error,
        job,
      })),
    );
  }
}

function entryOf(of: File | UploadRecord, file: File | undefined, options: JobOptions): Entry {
  return {
    key: fileKey(of),
    name: of.name,
    size: of.size,
    lastModified: of.lastModified,
    mediaType: 'mediaType' in of ? of.mediaType : of.type,
    options,
    meter: new SpeedMeter(),
    file,
    state: 'queued',
    url: undefined,
    sentBytes: 0,
    complete: false,
    error: undefined,
    job: undefined,
    transfer: undefined,
    turn: 0,
    tries: 0,
    callOff: undefined,
  };
}
