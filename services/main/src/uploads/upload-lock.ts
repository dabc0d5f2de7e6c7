import type { Lock, Locker } from '@tus/server';
import { UploadBusyError } from './upload-errors.js';

type Release = () => void | Promise<void>;
interface Waiter {
  readonly requestRelease: Release;
  readonly granted: () => void;
}

/** Nobody may hold a lock for longer once another request asks for it; a healthy holder needs milliseconds. */
const WAIT_MS = 30_000;

/**
 * One holder an upload. The newest request wins: whoever asks for a held lock makes the holder end early, with its bytes
 * kept. So a client that lost its connection is never locked out by its own dead request (tusd, "Upload locks").
 *
 * It lives in the memory of one process; an upload is served by one instance of main.
 */
export class UploadLocker implements Locker {
  readonly #held = new Map<string, { holder: Release; waiting: Waiter[] }>();
  readonly #waitMs: number;

  constructor(options: { waitMs?: number } = {}) {
    this.#waitMs = options.waitMs ?? WAIT_MS;
  }

  newLock(id: string): Lock {
    return {
      lock: (signal, requestRelease) => this.#acquire(id, signal, requestRelease),
      unlock: async () => this.#release(id),
    };
  }

  /** Whether a request is dealing with the upload now. */
  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  /** Runs `work` as the only holder; a request that holds the lock is asked to end first. */
  async exclusively<T>(id: string, work: () => Promise<T>): Promise<T> {
    await this.#acquire(id, new AbortController().signal, () => {});
    try {
      return await work();
    } finally {
      this.#release(id);
    }
  }

  async #acquire(id: string, signal: AbortSignal, requestRelease: Release): Promise<void> {
    const lock = this.#held.get(id);
    if (!lock) {
      this.#held.set(id, { holder: requestRelease, waiting: [] });
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { requestRelease, granted: resolve };
    lock.waiting.push(waiter);
    const giveUp = () => {
      lock.waiting.splice(lock.waiting.indexOf(waiter), 1);
      reject(new UploadBusyError('Another request for this upload does not end. Try again shortly.'));
    };
    const timer = setTimeout(giveUp, this.#waitMs);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await lock.holder();
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  #release(id: string): void {
    const lock = this.#held.get(id);
    if (!lock) return;
    const next = lock.waiting.shift();
    if (!next) {
      this.#held.delete(id);
      return;
    }
    lock.holder = next.requestRelease;
    next.granted();
    // Someone newer waits already: the one who has just begun is asked to end, too.
    if (lock.waiting.length > 0) void next.requestRelease();
  }
}
