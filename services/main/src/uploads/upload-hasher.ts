import { UploadId } from '@mediajob/contract';
import type { Logger } from '@mediajob/service';
import { sha256OfFile } from '@mediajob/storage';
import type { UploadFiles } from './upload-files.js';
import type { UploadLocker } from './upload-lock.js';

/**
 * Reads complete uploads whose checksum is not known, one after the other, and adds it to their `upload.json`.
 * Nothing waits for it: a step that needs the checksum before makes its own.
 */
export class UploadHasher {
  readonly #files: UploadFiles;
  readonly #locker: UploadLocker;
  readonly #logger: Logger;
  readonly #waiting = new Set<UploadId>();
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(files: UploadFiles, locker: UploadLocker, logger: Logger) {
    this.#files = files;
    this.#locker = locker;
    this.#logger = logger;
  }

  add(id: UploadId): void {
    this.#waiting.add(UploadId.parse(id));
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Ends work under way; what is not done is found again at the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const id of this.#waiting) {
      this.#waiting.delete(id);
      if (this.#stop.signal.aborted) return;
      await this.#hash(id).catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#logger.warn({ err: error, upload: id }, 'upload could not be hashed');
      });
    }
  }

  async #hash(id: UploadId): Promise<void> {
    const { volume } = this.#files;
    const sha256 = await sha256OfFile(volume.resolve(volume.layout.uploadSource(id)), { signal: this.#stop.signal });
    await this.#locker.exclusively(id, async () => {
      // It may have been removed meanwhile, and writing its upload.json would bring a part of it back.
      const stored = await this.#files.read(id);
      if (stored?.info.completedAt !== undefined && stored.info.sha256 === undefined) {
        await this.#files.write({ ...stored.info, sha256 });
      }
    });
  }
}
