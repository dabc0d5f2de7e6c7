import type { Readable } from 'node:stream';
import { type JobId, type MediaInfo, UploadId, type UploadInfo, type UploadStatus } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import type { ServiceContext } from '@mediajob/service/nest';
import { InputNotFoundError, StorageError, UnsafePathError } from '@mediajob/storage';
import { Upload } from '@tus/server';
import { ulid } from 'ulid';
import type { EventSource } from '../events/event-source.js';
import type { JobDirectory } from '../job-directory.js';
import type { MediaProbe } from './media-probe.js';
import { TusGateway } from './tus-gateway.js';
import { uploadProblem } from './tus-problems.js';
import { UploadError, UploadNotFoundError } from './upload-errors.js';
import type { UploadFiles } from './upload-files.js';
import { UploadHasher } from './upload-hasher.js';
import { atMost } from './upload-limit.js';
import { UploadLocker } from './upload-lock.js';
import { uploadMetrics } from './upload-metrics.js';
import { UploadStore } from './upload-store.js';

export interface UploadsOptions {
  readonly maxBytes: number;
  readonly maxActive: number;
  readonly reserveBytes: number;
  /** Age at which an upload that no job names is removed, from its last byte on, in ms. */
  readonly ttlMs: number;
  readonly idleMs: number;
  readonly now: () => Date;
}

/** A source that a job may be made of. */
export interface ClaimedSource {
  readonly bytes: number;
  /** What the person calls it; absent for files of the inbox. */
  readonly fileName?: string;
  readonly mediaType?: string;
}

/** A claimed upload is safe from the sweep this long: the time between the check and the job that names it. */
const CLAIM_MS = 60_000;
/** Remains of uploads without an `upload.json` are removed at this age. */
const REMAINS_MS = 3_600_000;
export const UPLOAD_SOURCE = /^uploads\/([^/]+)\/source$/;

/** The life of uploads: made, received, complete, named by jobs, removed. */
export class UploadsService {
  readonly gateway: TusGateway;
  readonly #files: UploadFiles;
  readonly #store: UploadStore;
  readonly #locker = new UploadLocker();
  readonly #hasher: UploadHasher;
  readonly #options: UploadsOptions;
  readonly #jobs: JobDirectory;
  readonly #probe: MediaProbe;
  readonly #service: ServiceContext;
  readonly #claims = new Map<string, number>();

  constructor(
    service: ServiceContext,
    files: UploadFiles,
    jobs: JobDirectory,
    events: EventSource,
    probe: MediaProbe,
    options: UploadsOptions,
  ) {
    this.#service = service;
    this.#files = files;
    this.#jobs = jobs;
    this.#probe = probe;
    this.#options = options;
    this.#hasher = new UploadHasher(files, this.#locker, service.logger);
    const metrics = uploadMetrics(service.metrics);
    const { audit } = service;
    const object = (id: string) => `uploads/${id}`;
    this.#store = new UploadStore(files, {
      ...options,
      beforeRemove: async (id) => this.#refuseIfNamed(UploadId.parse(id)),
      on: {
        created: ({ id, bytes }) =>
          audit.record({ action: 'upload.create', outcome: 'success', object: object(id), detail: { bytes } }),
        received: (bytes) => metrics.bytes.inc(bytes),
        resumed: () => metrics.resumes.inc(),
        completed: ({ id, bytes, sha256, mediaType }) => {
          audit.record({
            action: 'upload.complete',
            outcome: 'success',
            object: object(id),
            detail: { bytes, sha256, mediaType },
          });
          if (sha256 === undefined) this.#hasher.add(id);
        },
        refused: ({ id }, why) =>
          audit.suspicious({ kind: 'refused-media', object: object(id), detail: { mediaType: why.mediaType } }),
        removed: (id) => {
          audit.record({ action: 'upload.remove', outcome: 'success', object: object(id) });
          events.publish({ type: 'upload-deleted', id });
        },
      },
    });
    this.gateway = new TusGateway({
      store: this.#store,
      locker: this.#locker,
      metrics,
      maxBytes: options.maxBytes,
      maxActive: options.maxActive,
    });
  }

  /** Takes up what the last process left: uploads whose bytes are all there but not their end, and missing checksums. */
  async recover(): Promise<void> {
    for (const id of await this.#files.list()) {
      try {
        const stored = await this.#files.read(id);
        if (!stored || stored.info.lengthDeferred || stored.receivedBytes < stored.info.bytes) continue;
        if (stored.info.completedAt === undefined) await this.#settle(id);
        else if (stored.info.sha256 === undefined) this.#hasher.add(id);
      } catch (error) {
        this.#service.logger.warn({ err: error, upload: id }, 'upload could not be taken up again');
      }
    }
  }

  /** Ends requests that bring bytes, with what came kept, and background work. */
  async stop(): Promise<void> {
    await Promise.all([this.#store.interruptAll(), this.#hasher.stop()]);
  }

  /** Resolves when every complete upload has its checksum. */
  hashed(): Promise<void> {
    return this.#hasher.idle();
  }

  /** @throws ProblemError upload-not-found */
  async status(id: UploadId): Promise<UploadStatus> {
    const stored = await this.#read(id);
    return {
      ...stored.info,
      receivedBytes: stored.receivedBytes,
      complete: stored.info.completedAt !== undefined,
      jobs: this.#naming(id),
    };
  }

  /**
   * Takes a whole file of unknown length from one request: complete when this returns, gone when it throws.
   *
   * @throws ProblemError busy, upload-too-large, unsupported-media, storage-full, …
   */
  async receive(bytes: Readable, fileName: string): Promise<UploadInfo> {
    const id = UploadId.parse(ulid());
    const { maxBytes } = this.#options;
    try {
      const leave = this.gateway.enter();
      try {
        await this.#locker.exclusively(id, async () => {
          await this.#store.create(new Upload({ id, offset: 0, metadata: { filename: fileName } }));
          const length = await this.#store.write(atMost(maxBytes, bytes), id, 0);
          await this.#store.declareUploadLength(id, length);
          await this.#store.getUpload(id);
        });
      } finally {
        leave();
      }
      return (await this.#read(id)).info;
    } catch (error) {
      await this.discard(id);
      throw uploadProblem(500, error, '', maxBytes);
    }
  }

  /** Removes an upload that nobody needs any more, unless a job names it. What cannot be removed now is swept later. */
  async discard(id: UploadId): Promise<void> {
    this.#claims.delete(id);
    try {
      await this.#locker.exclusively(id, async () => {
        if (this.#naming(id).length === 0 && (await this.#files.read(id))) await this.#store.discard(id);
      });
    } catch (error) {
      this.#service.logger.warn({ err: error, upload: id }, 'upload could not be removed; the sweep does it later');
    }
  }

  /** SHA-256 of a complete upload, in hex. @throws ProblemError upload-not-found, upload-incomplete */
  async checksum(id: UploadId): Promise<string> {
    const { info } = await this.#complete(id);
    if (info.sha256 !== undefined) return info.sha256;
    this.#hasher.add(id);
    await this.#hasher.idle();
    const { sha256 } = (await this.#read(id)).info;
    if (sha256 === undefined) throw new ProblemError('busy', 'The file has no checksum yet. Try again shortly.');
    return sha256;
  }

  /**
   * Makes sure that a job may be made of this path, and keeps the sweep off it until the job names it.
   *
   * @throws ProblemError upload-not-found, upload-incomplete, or not-found for a file of the inbox
   */
  async claimSource(path: string): Promise<ClaimedSource> {
    const [, id] = UPLOAD_SOURCE.exec(path) ?? [];
    if (id === undefined) {
      if (path.startsWith('uploads/')) {
        throw new ProblemError(
          'upload-not-found',
          'An upload’s path is uploads/<id>/source. Take it as the upload gave it.',
        );
      }
      return this.#claimInbox(path);
    }
    const uploadId = UploadId.safeParse(id).data;
    if (uploadId === undefined) throw this.#notFound();
    this.#claims.set(uploadId, this.#options.now().getTime() + CLAIM_MS);
    // Another main over the same volume knows nothing of our claims; the age of a file it sees.
    await this.#files.touch(uploadId);
    const { info, receivedBytes } = await this.#complete(uploadId);
    return {
      bytes: receivedBytes,
      fileName: info.fileName,
      ...(info.mediaType === undefined ? {} : { mediaType: info.mediaType }),
    };
  }

  /**
   * Has a converter look at a source without decoding it.
   *
   * @returns undefined when no converter can be reached: the file is safe, and a job of it waits
   * @throws ProblemError unsupported-media with what is wrong with the file
   */
  probe(path: string, audioTrack = 0): Promise<MediaInfo | undefined> {
    return this.#probe.probe(path, audioTrack);
  }

  /**
   * Removes uploads that no job names, that nobody is sending, and that nothing happened to for the TTL; and remains
   * of uploads that were never really made.
   *
   * @returns ids of what was removed
   */
  async sweep(): Promise<UploadId[]> {
    const removed: UploadId[] = [];
    const now = this.#options.now().getTime();
    for (const [id, until] of this.#claims) if (until < now) this.#claims.delete(id);
    for (const id of await this.#files.list()) {
      try {
        if (await this.#expired(id, now)) {
          await this.#locker.exclusively(id, async () => {
            // Asked again as the only one: a byte or a job may have come in between.
            if (!(await this.#expired(id, now))) return;
            await this.#store.discard(id);
            removed.push(id);
          });
        }
      } catch (error) {
        this.#service.logger.warn({ err: error, upload: id }, 'upload could not be swept');
      }
    }
    return removed;
  }

  async #expired(id: UploadId, now: number): Promise<boolean> {
    if (this.#claims.has(id) || this.#naming(id).length > 0) return false;
    if (this.#store.isWriting(id)) return false;
    const stored = await this.#files.read(id);
    if (stored) return now - stored.touchedAt.getTime() > this.#options.ttlMs;
    const changedAt = await this.#files.changedAt(id);
    return changedAt !== undefined && now - changedAt.getTime() > REMAINS_MS;
  }

  async #complete(id: UploadId): Promise<{ info: UploadInfo; receivedBytes: number }> {
    let stored = await this.#read(id);
    if (stored.info.completedAt === undefined && stored.receivedBytes === stored.info.bytes) {
      await this.#settle(id);
      stored = await this.#read(id);
    }
    if (stored.info.completedAt !== undefined) return stored;
    const { receivedBytes, info } = stored;
    throw new ProblemError(
      'upload-incomplete',
      `Of this upload ${receivedBytes} of ${info.lengthDeferred ? 'an unknown number of' : info.bytes} bytes have arrived. Go on with it, then try again.`,
    );
  }

  async #settle(id: UploadId): Promise<void> {
    try {
      await this.#locker.exclusively(id, () => this.#store.getUpload(id));
    } catch (error) {
      throw error instanceof UploadError ? new ProblemError(error.code, error.message, { cause: error.cause }) : error;
    }
  }

  async #read(id: UploadId) {
    const stored = await this.#files.read(id);
    if (!stored) throw this.#notFound();
    return stored;
  }

  async #claimInbox(path: string): Promise<ClaimedSource> {
    try {
      const file = await this.#files.volume.open(path);
      try {
        return { bytes: (await file.stat()).size };
      } finally {
        await file.close();
      }
    } catch (error) {
      if (error instanceof UnsafePathError) {
        this.#service.audit.suspicious({ kind: 'path-traversal', object: path });
      }
      if (error instanceof UnsafePathError || error instanceof InputNotFoundError) {
        throw new ProblemError(
          'not-found',
          `There is no file ${path} on the media volume. Put it there, then try again.`,
          {
            cause: error,
          },
        );
      }
      if (error instanceof StorageError) {
        throw new ProblemError('internal', `${path} cannot be read. Look at its rights; see the log.`, {
          cause: error,
        });
      }
      throw error;
    }
  }

  #refuseIfNamed(id: UploadId): void {
    const jobs = this.#naming(id);
    if (jobs.length > 0) {
      throw new ProblemError('conflict', `A job is made of this upload (${jobs.join(', ')}). Delete the job first.`);
    }
    if (this.#claims.has(id) && (this.#claims.get(id) ?? 0) > this.#options.now().getTime()) {
      throw new ProblemError('conflict', 'A job is just being made of this upload. Try again in a minute.');
    }
  }

  #naming(id: UploadId): JobId[] {
    return this.#jobs.naming(this.#files.volume.layout.uploadSource(id));
  }

  #notFound(): ProblemError {
    return new ProblemError('upload-not-found', new UploadNotFoundError().message);
  }
}
