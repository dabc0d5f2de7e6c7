import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { UploadInfo } from '@mediajob/contract';
import { admit, storageErrorOf } from '@mediajob/storage';
import { DataStore, ERRORS, Upload } from '@tus/server';
import { DurableOffset } from './durable-offset.js';
import { SNIFF_BYTES, sniff } from './media-sniffer.js';
import { RunningHashes } from './running-hashes.js';
import {
  isDiskFull,
  NotMediaError,
  UploadError,
  UploadNotFoundError,
  UploadStorageFullError,
} from './upload-errors.js';
import type { StoredUpload, UploadFiles } from './upload-files.js';
import { cleanFileName, cleanMetadata } from './upload-name.js';

export interface UploadStoreOptions {
  /** Largest upload, in bytes. */
  readonly maxBytes: number;
  /** Free space that stays untouched, in bytes. */
  readonly reserveBytes: number;
  /** A request that brings no byte for longer is ended, with what came kept. */
  readonly idleMs: number;
  readonly now: () => Date;
  /** May refuse the removal by throwing, such as when a job names the upload. */
  readonly beforeRemove: (id: string) => Promise<void>;
  readonly on: UploadListener;
}

/** What the store tells the outside; none of it may throw. */
export interface UploadListener {
  created(info: UploadInfo): void;
  received(bytes: number): void;
  resumed(id: string): void;
  completed(info: UploadInfo): void;
  /** Certainly not media; it has been removed. */
  refused(info: UploadInfo, why: NotMediaError): void;
  removed(id: string): void;
}

/** Written bytes go to stable storage at least this often, so that the last request need not wait for all of them. */
const SYNC_EVERY = 64 * 1024 * 1024;
/** An upload that was active this lately counts with all that it has still to bring when a new one asks for room. */
const ACTIVE_MS = 10 * 60_000;

/**
 * What @tus/server keeps uploads in. An answer that acknowledges bytes is given only after they are on stable storage,
 * and an upload is complete only when its `upload.json` says `completedAt`, written after that.
 *
 * The offset is the length of the file, so nothing can disagree with it, whatever dies when.
 */
export class UploadStore extends DataStore {
  readonly files: UploadFiles;
  readonly #options: UploadStoreOptions;
  readonly #hashes = new RunningHashes();
  /** Requests that write now, by upload; ended early by {@link interruptAll}. */
  readonly #writing = new Map<string, { stream: Readable; done: Promise<unknown> }>();
  /** Bytes still to come of uploads that are active; a courtesy to the next one, rebuilt as they go on. */
  readonly #expected = new Map<string, { bytes: number; at: number }>();
  #stopping = false;

  constructor(files: UploadFiles, options: UploadStoreOptions) {
    super();
    this.files = files;
    this.#options = options;
    this.extensions = ['creation', 'creation-with-upload', 'creation-defer-length', 'termination'];
  }

  /**
   * @throws UploadStorageFullError when the declared length does not fit beside the reserve and what is still to come
   */
  override async create(upload: Upload): Promise<Upload> {
    if (upload.size === 0) throw new NotMediaError('The file is empty. Choose one with audio or video in it.');
    await this.#admit((upload.size ?? 0) + this.#expectedBytes());
    const metadata = cleanMetadata(upload.metadata);
    const info: UploadInfo = {
      schemaVersion: 1,
      id: upload.id,
      fileName: cleanFileName(upload.metadata?.filename ?? upload.metadata?.name),
      bytes: upload.size ?? 0,
      ...(upload.size === undefined ? { lengthDeferred: true } : {}),
      createdAt: this.#options.now().toISOString(),
      metadata,
    };
    await this.files.create(info).catch((error: unknown) => {
      throw isDiskFull(error) ? new UploadStorageFullError(FULL_AT_START, error) : error;
    });
    this.#expect(info, 0);
    this.#options.on.created(info);
    upload.metadata = metadata;
    upload.creation_date = info.createdAt;
    return upload;
  }

  /** @throws UploadNotFoundError */
  override async getUpload(id: string): Promise<Upload> {
    const stored = await this.#settled(id);
    return new Upload({
      id,
      offset: stored.receivedBytes,
      ...(stored.info.lengthDeferred ? {} : { size: stored.info.bytes }),
      metadata: stored.info.metadata,
      creation_date: stored.info.createdAt,
    });
  }

  override async declareUploadLength(id: string, bytes: number): Promise<void> {
    const { info, receivedBytes } = await this.#read(id);
    if (bytes === 0) throw new NotMediaError('The file is empty. Choose one with audio or video in it.');
    await this.#admit(bytes - receivedBytes);
    const { lengthDeferred: _, ...rest } = info;
    await this.files.write({ ...rest, bytes });
  }

  /**
   * Appends what comes. Returns, or throws, only after what was written is on stable storage.
   *
   * @returns the new offset
   * @throws UploadStorageFullError, NotMediaError, UploadError
   */
  override async write(stream: Readable, id: string, offset: number): Promise<number> {
    await this.#writing.get(id)?.done.catch(() => {});
    if (this.#stopping) throw shuttingDown();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    this.#writing.set(id, { stream, done });
    try {
      return await this.#append(stream, id, offset);
    } finally {
      this.#writing.delete(id);
      resolve();
    }
  }

  override async remove(id: string): Promise<void> {
    await this.#read(id);
    await this.#options.beforeRemove(id);
    await this.discard(id);
  }

  /** Removes an upload without asking. The caller holds its lock. */
  async discard(id: string): Promise<void> {
    this.#hashes.forget(id);
    this.#expected.delete(id);
    await this.files.remove(id);
    this.#options.on.removed(id);
  }

  /** Whether a request is bringing bytes of this upload now. */
  isWriting(id: string): boolean {
    return this.#writing.has(id);
  }

  /** Ends every request that brings bytes now, with what came kept; new ones are refused. */
  async interruptAll(): Promise<void> {
    this.#stopping = true;
    const writing = [...this.#writing.values()];
    for (const { stream } of writing) stream.destroy(shuttingDown());
    await Promise.allSettled(writing.map(({ done }) => done));
  }

  async #append(stream: Readable, id: string, offset: number): Promise<number> {
    const { info, receivedBytes } = await this.#read(id);
    if (receivedBytes !== offset) throw ERRORS.INVALID_OFFSET;
    if (info.completedAt !== undefined) return offset;
    if (offset > 0) this.#options.on.resumed(id);
    const source = await this.files.openSource(id);
    try {
      const end = await this.#receive(stream, source, info, offset);
      if (!info.lengthDeferred && end === info.bytes) await this.#complete(info, source);
      return end;
    } catch (error) {
      // What a person sends on top of a refused file is not worth a byte; a refused file neither.
      if (error instanceof NotMediaError) {
        await this.discard(id);
        this.#options.on.refused(info, error);
      }
      throw error;
    } finally {
      await source.close();
    }
  }

  async #receive(stream: Readable, source: FileHandle, info: UploadInfo, offset: number): Promise<number> {
    const durable = new DurableOffset(this.files, source, offset);
    let position = offset;
    let spaceAskedAt = Number.NEGATIVE_INFINITY;
    const idle = () => stream.destroy(wentQuiet(this.#options.idleMs));
    let timer = setTimeout(idle, this.#options.idleMs);
    try {
      for await (const chunk of stream) {
        clearTimeout(timer);
        const bytes = chunk as Uint8Array;
        if (position - spaceAskedAt >= SYNC_EVERY) {
          await this.#admit(0);
          spaceAskedAt = position;
        }
        await this.#put(source, info.id, bytes, position);
        const before = position;
        position += bytes.byteLength;
        this.#options.on.received(bytes.byteLength);
        this.#expect(info, position);
        if (before < SNIFF_BYTES && position >= SNIFF_BYTES) await this.#refuseNonMedia(source, position, undefined);
        if (position - durable.asked >= SYNC_EVERY) await durable.begin(position);
        timer = setTimeout(idle, this.#options.idleMs);
      }
    } catch (error) {
      clearTimeout(timer);
      // What came counts: the sender asks for the offset and goes on from there. The first error is the one to tell.
      await durable.reach(position).catch(() => {});
      throw meaningOf(error);
    } finally {
      clearTimeout(timer);
    }
    await durable.reach(position).catch((error: unknown) => {
      this.#hashes.forget(info.id);
      throw meaningOf(error);
    });
    return position;
  }

  /** Writes all of `bytes`: a write may take only a part of them, such as the last of a full disk. */
  async #put(source: FileHandle, id: string, bytes: Uint8Array, position: number): Promise<void> {
    let written = 0;
    try {
      while (written < bytes.byteLength) {
        const result = await source.write(bytes, written, bytes.byteLength - written, position + written);
        written += result.bytesWritten;
      }
    } catch (error) {
      this.#hashes.forget(id);
      throw error;
    }
    this.#hashes.update(id, position, bytes);
  }

  /** The end of an upload: everything on stable storage, then `completedAt`. May be run again after any crash in between. */
  async #complete(info: UploadInfo, source: FileHandle): Promise<void> {
    const sniffed = await this.#refuseNonMedia(source, info.bytes, info.bytes);
    const sha256 = this.#hashes.take(info.id, info.bytes);
    const complete: UploadInfo = {
      ...info,
      completedAt: this.#options.now().toISOString(),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(sniffed.mediaType === undefined ? {} : { mediaType: sniffed.mediaType.slice(0, 127) }),
    };
    try {
      await this.files.sync(info.id, source);
      await this.files.write(complete);
    } catch (error) {
      throw meaningOf(error);
    }
    this.#expected.delete(info.id);
    this.#options.on.completed(complete);
  }

  async #refuseNonMedia(source: FileHandle, received: number, whole: number | undefined) {
    const head = Buffer.alloc(Math.min(SNIFF_BYTES, received));
    const { bytesRead } = await source.read(head, 0, head.length, 0);
    const sniffed = await sniff(head.subarray(0, bytesRead), whole !== undefined && whole <= SNIFF_BYTES);
    if (sniffed.refused === undefined) return sniffed;
    throw new NotMediaError(
      `${sniffed.refused} Choose a recording, such as .mp3, .m4a, .wav or .mp4.`,
      sniffed.mediaType,
    );
  }

  /**
   * Reads an upload, and ends it when all of its bytes are there but a crash or a full disk kept `completedAt` from
   * being written: a client that asks for the offset must not take such an upload for complete.
   */
  async #settled(id: string): Promise<StoredUpload> {
    await this.#writing.get(id)?.done.catch(() => {});
    const stored = await this.#read(id);
    const { info, receivedBytes } = stored;
    if (info.completedAt !== undefined || info.lengthDeferred || receivedBytes < info.bytes) return stored;
    const source = await this.files.openSource(id);
    try {
      await this.#complete(info, source);
    } catch (error) {
      if (error instanceof NotMediaError) {
        await this.discard(id);
        this.#options.on.refused(info, error);
      }
      throw error;
    } finally {
      await source.close();
    }
    return this.#read(id);
  }

  async #read(id: string): Promise<StoredUpload> {
    const stored = await this.files.read(id);
    if (!stored) throw new UploadNotFoundError();
    return stored;
  }

  #expect(info: UploadInfo, received: number): void {
    if (info.lengthDeferred) return;
    this.#expected.set(info.id, { bytes: info.bytes - received, at: this.#options.now().getTime() });
  }

  #expectedBytes(): number {
    const since = this.#options.now().getTime() - ACTIVE_MS;
    let sum = 0;
    for (const [id, { bytes, at }] of this.#expected) {
      if (at < since) this.#expected.delete(id);
      else sum += bytes;
    }
    return sum;
  }

  async #admit(neededBytes: number): Promise<void> {
    await admit(this.files.volume, neededBytes, this.#options.reserveBytes).catch((error: unknown) => {
      throw isDiskFull(error) ? new UploadStorageFullError(FULL, error) : error;
    });
  }
}

function meaningOf(error: unknown): unknown {
  if (isDiskFull(error)) return new UploadStorageFullError(FULL, error);
  return error instanceof UploadError ? error : storageErrorOf(error, 'writing', 'an upload');
}

const FULL =
  'The disk is full. What has arrived is kept: free some space on the media volume, then go on with the upload.';
const FULL_AT_START = 'There is no room for this file on the media volume. Free some space, then try again.';

const shuttingDown = () =>
  new UploadError('shutting-down', 'The service is being restarted. What has arrived is kept; go on in a moment.', {
    retryAfterSeconds: 5,
  });

const wentQuiet = (idleMs: number) =>
  new UploadError(
    'busy',
    `No data came for ${Math.round(idleMs / 1000)} s. What has arrived is kept; go on from there.`,
    {
      retryAfterSeconds: 1,
    },
  );
