import { createHash, type Hash } from 'node:crypto';

interface Running {
  readonly hash: Hash;
  bytes: number;
}

/** More uploads than this at once are hashed after they are complete; a state is some hundred bytes. */
const MAX_RUNNING = 1000;

/**
 * SHA-256 of files while they arrive. The state lives in memory: it goes on from request to request as long as every
 * byte came through this process, and is dropped otherwise (a restart, a failed write). Then the complete file is read
 * once in the background instead, so that the last request never waits for minutes.
 */
export class RunningHashes {
  readonly #running = new Map<string, Running>();

  /** Adds bytes that were written at `offset`; drops the state when they do not follow what it has seen. */
  update(id: string, offset: number, bytes: Uint8Array): void {
    let running = this.#running.get(id);
    if (!running && offset === 0) {
      running = { hash: createHash('sha256'), bytes: 0 };
      this.#running.set(id, running);
      const [oldest] = this.#running.keys();
      if (this.#running.size > MAX_RUNNING && oldest !== undefined) this.#running.delete(oldest);
    }
    if (!running) return;
    if (running.bytes !== offset) {
      this.#running.delete(id);
      return;
    }
    running.hash.update(bytes);
    running.bytes += bytes.byteLength;
  }

  forget(id: string): void {
    this.#running.delete(id);
  }

  /** The checksum of a file of `bytes` bytes in hexadecimal, when all of them were seen; the state is given up. */
  take(id: string, bytes: number): string | undefined {
    const running = this.#running.get(id);
    this.#running.delete(id);
    return running?.bytes === bytes ? running.hash.digest('hex') : undefined;
  }
}
