import type { KubeApi, ListOptions, ObjectList, WatchEvent, WatchOptions } from '../src/api.js';
import type { KubeApiError } from '../src/error.js';
import type { Kind } from '../src/kind.js';
import type { KubeObject } from '../src/object.js';
import { anObject } from './manual-source.js';
import { expired, internal, unreachable } from './scripted-api.js';

type ObjectEvent = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubeObject };

/**
 * As much of an API server as a reflector sees: objects with a history, watched from any version that is not forgotten;
 * and all that can go wrong between the two.
 */
export class ModelServer implements Pick<KubeApi, 'list' | 'watch'> {
  readonly objects = new Map<string, KubeObject>();
  #version = 10;
  #born = 0;
  #history: ObjectEvent[] = [];
  #forgotten = 0;
  readonly #watches = new Set<ModelWatch>();
  #held = false;
  #release = Promise.withResolvers<void>();
  #failingLists = 0;
  readonly #snapshots: { readonly version: number; readonly objects: readonly KubeObject[] }[] = [];

  /** Creates the object or changes it. */
  write(key: string): KubeObject {
    const known = this.objects.get(key);
    const uid = known?.metadata.uid ?? `uid-${++this.#born}`;
    const object = anObject(key, { uid, resourceVersion: `${++this.#version}` });
    this.objects.set(key, object);
    this.#happened({ type: known === undefined ? 'ADDED' : 'MODIFIED', object });
    return object;
  }

  remove(key: string): void {
    const known = this.objects.get(key);
    if (known === undefined) return;
    this.objects.delete(key);
    const object = { ...known, metadata: { ...known.metadata, resourceVersion: `${++this.#version}` } };
    this.#happened({ type: 'DELETED', object });
  }

  /** Other kinds are written too: versions have gaps. */
  skip(): void {
    this.#version += 7;
  }

  /** From now on nothing from before can be watched. */
  forget(): void {
    this.#forgotten = this.#version;
    this.#history = [];
  }

  /** Events stay under way until they are let go. */
  hold(): void {
    this.#held = true;
  }

  letGo(): void {
    this.#held = false;
    this.#release.resolve();
    this.#release = Promise.withResolvers();
    for (const watch of this.#watches) watch.wake();
  }

  failLists(times: number): void {
    this.#failingLists = times;
  }

  bookmark(): void {
    for (const watch of this.#watches) watch.bookmark(`${this.#version}`);
  }

  /** The last events come once more. */
  repeat(count: number): void {
    const last = this.#history.slice(-count);
    for (const watch of this.#watches) for (const event of last) watch.push(event);
  }

  end(): void {
    for (const watch of this.#watches) watch.finish(undefined);
  }

  cut(): void {
    for (const watch of this.#watches) watch.finish(unreachable());
  }

  err(): void {
    for (const watch of this.#watches) watch.finish(internal());
  }

  async list<T extends KubeObject>(_kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    if (this.#failingLists > 0) {
      this.#failingLists--;
      throw unreachable();
    }
    const { id, from } = options.continue === undefined ? { id: this.#snapshot(), from: 0 } : tokenOf(options.continue);
    const { version, objects } = this.#snapshots[id] ?? { version: 0, objects: [] };
    if (version < this.#forgotten) throw expired();
    // What is under way while events are held is a list of the past when it arrives.
    while (this.#held) await this.#release.promise;
    const to = from + (options.limit ?? objects.length);
    return {
      items: objects.slice(from, to).map((it) => structuredClone(it)) as unknown as T[],
      resourceVersion: `${version}`,
      ...(to < objects.length ? { continue: `${id} ${to}` } : {}),
    };
  }

  watch<T extends KubeObject>(_kind: Kind<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const from = Number(options.resourceVersion);
    const watch = new ModelWatch(() => this.#held);
    if (from < this.#forgotten) watch.finish(expired());
    else for (const event of this.#history) if (Number(event.object.metadata.resourceVersion) > from) watch.push(event);
    this.#watches.add(watch);
    options.signal.addEventListener('abort', () => this.#watches.delete(watch), { once: true });
    return { [Symbol.asyncIterator]: () => watch as unknown as AsyncIterator<WatchEvent<T>> };
  }

  /** Pages are of the moment of the first. */
  #snapshot(): number {
    return this.#snapshots.push({ version: this.#version, objects: [...this.objects.values()] }) - 1;
  }

  #happened(event: ObjectEvent): void {
    this.#history.push(event);
    for (const watch of this.#watches) watch.push(event);
  }
}

function tokenOf(text: string): { id: number; from: number } {
  const [id, from] = text.split(' ').map(Number);
  return { id: id as number, from: from as number };
}

class ModelWatch {
  readonly #held: () => boolean;
  readonly #events: WatchEvent<KubeObject>[] = [];
  #end: { readonly error: KubeApiError | undefined } | undefined;
  #asked: PromiseWithResolvers<IteratorResult<WatchEvent<KubeObject>>> | undefined;

  constructor(held: () => boolean) {
    this.#held = held;
  }

  push(event: ObjectEvent): void {
    // Each delivery is an object of its own, as from the wire.
    if (this.#end === undefined) this.#events.push(structuredClone(event));
    this.wake();
  }

  bookmark(resourceVersion: string): void {
    if (this.#end === undefined) this.#events.push({ type: 'BOOKMARK', resourceVersion });
    this.wake();
  }

  /** What is under way is lost with a cut, and comes before the end otherwise. */
  finish(error: KubeApiError | undefined): void {
    if (this.#held()) this.#events.length = 0;
    this.#end ??= { error };
    this.wake();
  }

  next(): Promise<IteratorResult<WatchEvent<KubeObject>>> {
    const asked = Promise.withResolvers<IteratorResult<WatchEvent<KubeObject>>>();
    this.#asked = asked;
    this.wake();
    return asked.promise;
  }

  wake(): void {
    const asked = this.#asked;
    if (asked === undefined || (this.#held() && this.#end === undefined)) return;
    const event = this.#events.shift();
    if (event === undefined && this.#end === undefined) return;
    this.#asked = undefined;
    if (event !== undefined) asked.resolve({ done: false, value: event });
    else if (this.#end?.error !== undefined) asked.reject(this.#end.error);
    else asked.resolve({ done: true, value: undefined });
  }
}
