import type { JobId } from '@mediajob/contract';
import { DiscardedRequest, OutboxEntry } from '../../src/kubernetes/outbox-entry.js';
import type { OutboxFiles } from '../../src/kubernetes/outbox-files.js';

/** Something that changes the world outside of a process: a write on the disk, or one at the API server. */
export type Effect = () => 'die-before' | 'die-after' | 'go-on';

/** The disk, as text: it outlives processes, and several may share it. */
export class OutboxDisk {
  readonly entries = new Map<string, string>();
  readonly discarded = new Map<JobId, string>();
}

/** One process's view of the disk. A process that is dead waits for ever. */
export class MemoryOutboxFiles implements OutboxFiles {
  /** Asked at every change. */
  effect: Effect = () => 'go-on';
  /** The error of every change while it is set. */
  failing: Error | undefined;
  #dead = false;
  readonly #disk: OutboxDisk;

  constructor(disk: OutboxDisk) {
    this.#disk = disk;
  }

  die(): void {
    this.#dead = true;
  }

  list(): Promise<string[]> {
    return this.#read(() => [...this.#disk.entries.keys()]);
  }

  read(key: string): Promise<OutboxEntry | undefined> {
    return this.#read(() => {
      const text = this.#disk.entries.get(key);
      return text === undefined ? undefined : OutboxEntry.parse(JSON.parse(text));
    });
  }

  add(key: string, entry: OutboxEntry): Promise<boolean> {
    return this.#change(() => {
      if (this.#disk.entries.has(key)) return false;
      this.#disk.entries.set(key, JSON.stringify(OutboxEntry.parse(entry)));
      return true;
    });
  }

  write(key: string, entry: OutboxEntry): Promise<void> {
    return this.#change(() => void this.#disk.entries.set(key, JSON.stringify(OutboxEntry.parse(entry))));
  }

  remove(key: string): Promise<void> {
    return this.#change(() => void this.#disk.entries.delete(key));
  }

  discarded(): Promise<JobId[]> {
    return this.#read(() => [...this.#disk.discarded.keys()]);
  }

  readDiscarded(request: JobId): Promise<DiscardedRequest | undefined> {
    return this.#read(() => {
      const text = this.#disk.discarded.get(request);
      return text === undefined ? undefined : DiscardedRequest.parse(JSON.parse(text));
    });
  }

  discard(discarded: DiscardedRequest): Promise<void> {
    return this.#change(() => void this.#disk.discarded.set(discarded.request, JSON.stringify(discarded)));
  }

  forgetDiscarded(request: JobId): Promise<void> {
    return this.#change(() => void this.#disk.discarded.delete(request));
  }

  async #read<T>(look: () => T): Promise<T> {
    if (this.#dead) return new Promise(() => {});
    return look();
  }

  async #change<T>(make: () => T): Promise<T> {
    const fate = this.#dead ? 'die-before' : this.effect();
    if (fate === 'die-before') return new Promise(() => {});
    if (this.failing !== undefined) throw this.failing;
    const result = make();
    return fate === 'die-after' ? new Promise(() => {}) : result;
  }
}
