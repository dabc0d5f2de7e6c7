export interface Delayed {
  readonly key: string;
  /** Monotonic ms. */
  at: number;
}

/** A binary min-heap by time with at most one entry a key, so that an entry can be moved or taken out in O(log n). */
export class DelayHeap<Entry extends Delayed> {
  readonly #entries: Entry[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.#entries.length;
  }

  peek(): Entry | undefined {
    return this.#entries[0];
  }

  get(key: string): Entry | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#entries[place];
  }

  /** Replaces the entry of the same key. */
  set(entry: Entry): void {
    const place = this.#places.get(entry.key) ?? this.#entries.length;
    this.#put(entry, place);
    this.#settle(place);
  }

  remove(key: string): Entry | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const removed = this.#entries[place];
    const last = this.#entries.pop();
    this.#places.delete(key);
    if (last !== undefined && last !== removed) {
      this.#put(last, place);
      this.#settle(place);
    }
    return removed;
  }

  clear(): void {
    this.#entries.length = 0;
    this.#places.clear();
  }

  #put(entry: Entry, place: number): void {
    this.#entries[place] = entry;
    this.#places.set(entry.key, place);
  }

  #settle(start: number): void {
    let place = start;
    const entry = this.#entries[place] as Entry;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#entries[above] as Entry;
      if (parent.at <= entry.at) break;
      this.#put(parent, place);
      place = above;
    }
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      let child = this.#entries[left];
      let below = left;
      const other = this.#entries[right];
      if (child !== undefined && other !== undefined && other.at < child.at) {
        child = other;
        below = right;
      }
      if (child === undefined || child.at >= entry.at) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(entry, place);
  }
}
