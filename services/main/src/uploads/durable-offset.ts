import type { FileHandle } from 'node:fs/promises';
import type { UploadFiles } from './upload-files.js';

/**
 * How much of a growing file is on stable storage. A failed fsync may have dropped pages that the kernel then takes for
 * written, so asking again proves nothing: the file is cut back to what was durable before, and those bytes are sent again.
 */
export class DurableOffset {
  readonly #files: UploadFiles;
  readonly #source: FileHandle;
  #durable: number;
  #asked: number;
  #running: Promise<void> = Promise.resolve();

  constructor(files: UploadFiles, source: FileHandle, offset: number) {
    this.#files = files;
    this.#source = source;
    this.#durable = offset;
    this.#asked = offset;
  }

  /** Up to where the last sync was asked for. */
  get asked(): number {
    return this.#asked;
  }

  /**
   * Begins to make everything up to `position` durable and returns once the sync before this one has ended, so that at
   * most one is under way and a slow disk slows the sender down.
   *
   * @throws the error of the sync before
   */
  async begin(position: number): Promise<void> {
    await this.#running;
    this.#asked = position;
    this.#running = this.#sync(position);
    this.#running.catch(() => {});
  }

  /** Returns when everything up to `position` is durable. */
  async reach(position: number): Promise<void> {
    await this.#running;
    if (position > this.#durable) await this.#sync(position);
  }

  async #sync(position: number): Promise<void> {
    try {
      await this.#files.volume.files.syncData(this.#source);
      this.#durable = position;
    } catch (error) {
      await this.#source.truncate(this.#durable);
      throw error;
    }
  }
}
