import { type KubeObject, keyOf, type ObjectMeta } from '../src/object.js';
import type { Change, ChangeHandler, Source } from '../src/source.js';

/** A source whose objects come and go as a test says. */
export class ManualSource<T extends KubeObject = KubeObject> implements Source<T> {
  readonly #synced = Promise.withResolvers<void>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #objects = new Map<string, T>();
  readonly synced = this.#synced.promise;

  get subscribers(): number {
    return this.#handlers.size;
  }

  subscribe(handler: ChangeHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.values()) handler({ type: 'added', object, initial: true });
    return () => this.#handlers.delete(handler);
  }

  sync(): void {
    this.#synced.resolve();
  }

  /** Adds or updates. */
  put(object: T, initial = false): void {
    const previous = this.#objects.get(keyOf(object));
    this.#objects.set(keyOf(object), object);
    this.tell(
      previous === undefined
        ? { type: 'added', object, ...(initial ? { initial } : {}) }
        : { type: 'updated', object, previous },
    );
  }

  remove(object: T): void {
    this.#objects.delete(keyOf(object));
    this.tell({ type: 'deleted', object });
  }

  tell(change: Change<T>): void {
    for (const handler of this.#handlers) handler(change);
  }
}

/** `anObject('ns/name', {labels: …})` */
export function anObject(key: string, metadata: Partial<ObjectMeta> = {}, kind = 'Thing'): KubeObject {
  const [namespace, name] = key.split('/') as [string, string];
  return {
    apiVersion: 'example.com/v1',
    kind,
    metadata: {
      namespace,
      name,
      uid: `uid-of-${key}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
  };
}
