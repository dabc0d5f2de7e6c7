import type { WatchEvent } from './api.js';
import { frozen } from './frozen.js';
import { type KubeObject, keyOf } from './object.js';
import { compareVersions, isNewer } from './resource-version.js';
import type { Change } from './source.js';

/** The values under which an object is found. */
export type Index<T extends KubeObject> = (object: T) => readonly string[];
export type Indexes<T extends KubeObject> = Readonly<Record<string, Index<T>>>;

/** Objects as they were last seen. They are frozen: whoever wants another one makes a copy. */
export interface StoreReader<T extends KubeObject> {
  readonly size: number;
  /** By `namespace/name`; see {@link keyOf}. */
  get(key: string): T | undefined;
  list(namespace?: string): readonly T[];
  /** @throws RangeError for an index that the store does not have */
  byIndex(name: string, value: string): readonly T[];
}

/**
 * Objects of one kind by key and by named indexes. It is filled by reflectors, each in its {@link StoreScope}, and by
 * those who write: the answer of a write may come before its event, and an older event after it.
 */
export class Store<T extends KubeObject> implements StoreReader<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, StoreIndex<T>>();
  readonly #scopes = new Map<string | undefined, StoreScope<T>>();

  constructor(indexes: Indexes<T> = {}) {
    for (const [name, index] of Object.entries(indexes)) this.addIndex(name, index);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(namespace?: string): readonly T[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter((it) => it.metadata.namespace === namespace);
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new RangeError(`the store has no index “${name}”`);
    return index.keys(value).flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** @throws RangeError when another one has the name already */
  addIndex(name: string, index: Index<T>): void {
    const known = this.#indexes.get(name);
    if (known?.index === index) return;
    if (known !== undefined) throw new RangeError(`the store has another index “${name}” already`);
    const made = new StoreIndex(index);
    for (const [key, object] of this.#objects) made.set(key, index(object));
    this.#indexes.set(name, made);
  }

  /** Part of the store that one reflector fills: a namespace, or (left out) all of them. */
  scope(namespace?: string): StoreScope<T> {
    const known = this.#scopes.get(namespace);
    if (known !== undefined) return known;
    const scope = new StoreScope<T>({
      get: (key) => this.#objects.get(key),
      list: () => this.list(namespace),
      set: (object) => this.#set(object),
      drop: (last) => this.#drop(last),
    });
    this.#scopes.set(namespace, scope);
    return scope;
  }

  /**
   * Takes the answer of a write, so that whoever wrote reads it at once. One that is not newer than what is known is
   * ignored: also of an object that is gone since then.
   */
  put(object: T): readonly Change<T>[] {
    const { namespace, resourceVersion } = object.metadata;
    const seen = (this.#scopes.get(undefined) ?? this.#scopes.get(namespace))?.version;
    // Before the first list: that will bring it.
    if (seen === undefined) return [];
    const known = this.#objects.get(keyOf(object));
    return isNewer(resourceVersion, known?.metadata.resourceVersion ?? seen) ? this.#set(object) : [];
  }

  #set(object: T): readonly Change<T>[] {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    frozen(object);
    // All of them first: one that throws leaves everything as it was.
    const found = [...this.#indexes.values()].map((index) => ({ index, values: index.index(object) }));
    for (const { index, values } of found) index.set(key, values);
    this.#objects.set(key, object);
    if (previous === undefined) return [{ type: 'added', object }];
    // A new object under an old name is not the old one changed.
    return previous.metadata.uid === object.metadata.uid
      ? [{ type: 'updated', object, previous }]
      : [
          { type: 'deleted', object: previous },
          { type: 'added', object },
        ];
  }

  #drop(last: T): readonly Change<T>[] {
    const key = keyOf(last);
    if (!this.#objects.delete(key)) return [];
    for (const index of this.#indexes.values()) index.set(key, []);
    return [{ type: 'deleted', object: frozen(last) }];
  }
}

/** What a scope needs of its store. */
interface ScopedStore<T extends KubeObject> {
  get(key: string): T | undefined;
  /** Of this scope only. */
  list(): readonly T[];
  set(object: T): readonly Change<T>[];
  drop(last: T): readonly Change<T>[];
}

/** What one reflector sees: lists and the events of watches, in the order of the server. */
export class StoreScope<T extends KubeObject> {
  readonly #store: ScopedStore<T>;
  #version: string | undefined;

  constructor(store: ScopedStore<T>) {
    this.#store = store;
  }

  /** Up to which everything has been seen; undefined before the first list. */
  get version(): string | undefined {
    return this.#version;
  }

  /** A whole list: what it does not have any more is gone, unless it was written after the list was made. */
  replace(items: readonly T[], version: string): readonly Change<T>[] {
    // A server that was restored from a backup is back in time: then nothing that is known counts.
    const restored = this.#version !== undefined && isNewer(this.#version, version);
    const changes: Change<T>[] = [];
    const listed = new Set<string>();
    for (const item of items) {
      listed.add(keyOf(item));
      if (restored || this.#isNews(item)) changes.push(...this.#store.set(item));
    }
    for (const object of this.#store.list()) {
      const key = keyOf(object);
      if (listed.has(key) || (!restored && isNewer(object.metadata.resourceVersion, version))) continue;
      changes.push(...this.#store.drop(object));
    }
    this.#version = version;
    return changes;
  }

  /** An event of the watch. One that came before, or is overtaken by the answer of a write, changes nothing. */
  see(event: WatchEvent<T>): readonly Change<T>[] {
    if (event.type === 'BOOKMARK') {
      this.#advance(event.resourceVersion);
      return [];
    }
    const { object } = event;
    const before = this.#version;
    this.#advance(object.metadata.resourceVersion);
    const known = this.#store.get(keyOf(object));
    if (event.type === 'DELETED') {
      const later = known !== undefined && isNewer(known.metadata.resourceVersion, object.metadata.resourceVersion);
      return later ? [] : this.#store.drop(object);
    }
    // An old event again, of an object that has gone since.
    if (known === undefined && before !== undefined && isNewer(before, object.metadata.resourceVersion)) return [];
    return this.#isNews(object) ? this.#store.set(object) : [];
  }

  #isNews(object: T): boolean {
    const known = this.#store.get(keyOf(object))?.metadata.resourceVersion;
    return known === undefined || (compareVersions(object.metadata.resourceVersion, known) ?? 1) > 0;
  }

  #advance(version: string): void {
    if (this.#version === undefined || (compareVersions(version, this.#version) ?? 1) > 0) this.#version = version;
  }
}

class StoreIndex<T extends KubeObject> {
  readonly index: Index<T>;
  readonly #keys = new Map<string, Set<string>>();
  /** What each key is found under now. */
  readonly #values = new Map<string, readonly string[]>();

  constructor(index: Index<T>) {
    this.index = index;
  }

  keys(value: string): string[] {
    return [...(this.#keys.get(value) ?? [])];
  }

  set(key: string, values: readonly string[]): void {
    for (const value of this.#values.get(key) ?? []) this.#remove(key, value);
    if (values.length === 0) this.#values.delete(key);
    else this.#values.set(key, values);
    for (const value of values) {
      const keys = this.#keys.get(value);
      if (keys === undefined) this.#keys.set(value, new Set([key]));
      else keys.add(key);
    }
  }

  #remove(key: string, value: string): void {
    const keys = this.#keys.get(value);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(value);
  }
}
