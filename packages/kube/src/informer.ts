import { Registry } from 'prom-client';
import type { KubeApi, Selection } from './api.js';
import type { Environment } from './environment.js';
import type { Kind } from './kind.js';
import { type KubeObject, keyOf } from './object.js';
import { nameOf, Reflector, withoutManagedFields } from './reflector.js';
import { ReflectorMetrics } from './reflector-metrics.js';
import type { Change, ChangeHandler, Source } from './source.js';
import { type Index, type Indexes, Store, type StoreReader } from './store.js';

export interface InformerOptions<T extends KubeObject> extends Omit<Selection, 'namespace'> {
  readonly api: Pick<KubeApi, 'list' | 'watch'>;
  readonly kind: Kind<T>;
  readonly environment: Environment;
  readonly registry?: Registry;
  /** Each is listed and watched by itself; left out: all at once, which needs a cluster-wide right. */
  readonly namespaces?: readonly string[];
  readonly indexes?: Indexes<T>;
  /** Makes less of each object before it is kept; without `managedFields` when left out. */
  readonly transform?: (object: T) => T;
  readonly pageSize?: number;
  readonly stallMs?: number;
}

/** @param namespace undefined: all of them */
export type AccessListener = (namespace: string | undefined) => void;

/** The objects of a kind in memory, kept up to date, and what changes about them. */
export class Informer<T extends KubeObject> implements Source<T> {
  readonly name: string;
  readonly #options: InformerOptions<T>;
  readonly #store: Store<T>;
  /** By namespace; of all of them at once, under undefined. */
  readonly #reflectors: ReadonlyMap<string | undefined, Reflector<T>>;
  readonly #synced = Promise.withResolvers<void>();
  readonly #listeners = new Set<AccessListener>();
  readonly #handlers = new Set<ChangeHandler<T>>();
  /** Told one after the other, also when a handler brings the next one about. */
  readonly #untold: Change<T>[] = [];
  #telling = false;
  #hasSynced = false;

  constructor(options: InformerOptions<T>) {
    const { kind, namespaces, registry = new Registry() } = options;
    this.#options = options;
    this.name = nameOf(kind);
    this.#store = new Store(options.indexes);
    const places: readonly (string | undefined)[] =
      kind.namespaced && namespaces !== undefined ? namespaces : [undefined];
    this.#reflectors = new Map(
      [...new Set(places)].map((namespace) => [namespace, this.#reflector(namespace, registry)]),
    );
    for (const reflector of this.#reflectors.values()) void reflector.synced.then(() => this.#settle());
    this.#measure(registry);
  }

  get store(): StoreReader<T> {
    return this.#store;
  }

  /**
   * Settles when the first list of each namespace has come. One that we may not read keeps nobody from the others: it is
   * passed over, as long as there are others, and {@link knows} tells.
   */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Whether what the store has of a namespace is what there is, as far as anybody can tell. */
  knows(namespace?: string): boolean {
    const reflector = this.#reflectors.get(namespace) ?? this.#reflectors.get(undefined);
    return reflector?.hasSynced === true && !reflector.refused;
  }

  /** Namespaces that the server does not let us read; undefined among them stands for all. */
  get refused(): readonly (string | undefined)[] {
    return [...this.#reflectors].flatMap(([namespace, { refused }]) => (refused ? [namespace] : []));
  }

  /**
   * Tells when reading a namespace is refused, and when it is allowed again.
   *
   * @returns ends it
   */
  onAccess(listener: AccessListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  subscribe(handler: ChangeHandler<T>): () => void {
    for (const object of this.#store.list()) this.#call(handler, { type: 'added', object, initial: true });
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** @throws RangeError when another index has the name already */
  addIndex(name: string, index: Index<T>): void {
    this.#store.addIndex(name, index);
  }

  /**
   * Takes the answer of a write, so that the next read sees it: read your writes. An answer that is older than what is
   * known, or outside of what is watched, is ignored. The object is frozen.
   */
  put(object: T): void {
    this.#tell(this.#store.put((this.#options.transform ?? withoutManagedFields)(object)));
  }

  /**
   * Once at a time.
   *
   * @returns settles when the signal is aborted; no handler is called after that
   */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#reflectors.values()].map((it) => it.run(signal)));
  }

  #reflector(namespace: string | undefined, registry: Registry): Reflector<T> {
    const { api, kind, environment, labelSelector, fieldSelector, transform, pageSize, stallMs } = this.#options;
    const scope = this.#store.scope(namespace);
    return new Reflector({
      api,
      kind,
      environment,
      registry,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(transform === undefined ? {} : { transform }),
      ...(pageSize === undefined ? {} : { pageSize }),
      ...(stallMs === undefined ? {} : { stallMs }),
      sink: {
        replace: (items, version) => {
          const initial = scope.version === undefined;
          const changes = scope.replace(items, version);
          this.#tell(initial ? changes.map((it) => ({ ...it, initial })) : changes);
        },
        see: (event) => this.#tell(scope.see(event)),
      },
      onRefused: () => {
        this.#settle();
        for (const listener of [...this.#listeners]) listener(namespace);
      },
    });
  }

  #settle(): void {
    const reflectors = [...this.#reflectors.values()];
    if (!reflectors.every((it) => it.hasSynced || it.refused) || !reflectors.some((it) => it.hasSynced)) return;
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  #tell(changes: readonly Change<T>[]): void {
    this.#untold.push(...changes);
    if (this.#telling) return;
    this.#telling = true;
    for (let change = this.#untold.shift(); change !== undefined; change = this.#untold.shift()) {
      for (const handler of [...this.#handlers]) this.#call(handler, change);
    }
    this.#telling = false;
  }

  #call(handler: ChangeHandler<T>, change: Change<T>): void {
    try {
      handler(change);
    } catch (error) {
      this.#options.environment.log.error(
        { err: error, kind: this.name, object: keyOf(change.object) },
        'a handler of changes threw; the others go on',
      );
    }
  }

  #measure(registry: Registry): void {
    const { sizes } = ReflectorMetrics.of(registry);
    const all = sizes.get(this.name) ?? new Set();
    sizes.set(
      this.name,
      all.add(() => this.#store.size),
    );
  }
}
