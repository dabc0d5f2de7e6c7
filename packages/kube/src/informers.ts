import type { Registry } from 'prom-client';
import type { KubeApi } from './api.js';
import type { Environment } from './environment.js';
import { type AccessListener, Informer, type InformerOptions } from './informer.js';
import type { Kind } from './kind.js';
import type { KubeObject } from './object.js';

export interface InformersOptions {
  readonly api: Pick<KubeApi, 'list' | 'watch'>;
  readonly environment: Environment;
  readonly registry?: Registry;
  /** Of every namespaced kind, unless it says otherwise; left out: all. */
  readonly namespaces?: readonly string[];
}

type Wanted<T extends KubeObject> = Omit<InformerOptions<T>, 'api' | 'kind' | 'environment' | 'registry'>;

/** One informer for each kind and selection, shared by all who ask for it. */
export class Informers {
  readonly #options: InformersOptions;
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #transforms = new Map<string, unknown>();
  readonly #runs: Promise<void>[] = [];
  readonly #listeners = new Set<AccessListener>();
  #signal: AbortSignal | undefined;

  constructor(options: InformersOptions) {
    this.#options = options;
  }

  /**
   * The informer of a kind; indexes are added to one that is there. It runs when all do.
   *
   * @throws RangeError when another index has the name already, or when the objects are made less of in another way
   */
  of<T extends KubeObject>(kind: Kind<T>, wanted: Wanted<T> = {}): Informer<T> {
    const { api, environment, registry, namespaces } = this.#options;
    const options = { ...(namespaces === undefined ? {} : { namespaces }), ...wanted };
    const key = keyFor(kind, options);
    const known = this.#informers.get(key) as Informer<T> | undefined;
    if (known !== undefined) {
      if (this.#transforms.get(key) !== wanted.transform)
        throw new RangeError(`${known.name} is transformed in another way`);
      for (const [name, index] of Object.entries(wanted.indexes ?? {})) known.addIndex(name, index);
      return known;
    }
    const made = new Informer<T>({
      api,
      kind,
      environment,
      ...(registry === undefined ? {} : { registry }),
      ...options,
    });
    this.#informers.set(key, made as unknown as Informer<KubeObject>);
    this.#transforms.set(key, wanted.transform);
    made.onAccess((namespace) => {
      for (const listener of [...this.#listeners]) listener(namespace);
    });
    if (this.#signal !== undefined) this.#runs.push(made.run(this.#signal));
    return made;
  }

  /** Names of the kinds whose first list has not come yet: what a readiness check says it waits for. */
  get unsynced(): readonly string[] {
    return [...this.#informers.values()].filter((it) => !it.hasSynced).map((it) => it.name);
  }

  /** Whether everything that is asked for is known of a namespace; see {@link Informer.knows}. */
  knows(namespace: string): boolean {
    return [...this.#informers.values()].every((it) => it.knows(namespace));
  }

  /** What the server does not let us read, such as `jobs.batch in team-a`. */
  get refused(): readonly string[] {
    return [...this.#informers.values()].flatMap((it) =>
      it.refused.map((namespace) => (namespace === undefined ? it.name : `${it.name} in ${namespace}`)),
    );
  }

  /**
   * Tells when reading anything of a namespace is refused, and when it is allowed again.
   *
   * @returns ends it
   */
  onAccess(listener: AccessListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Settles when all that have been asked for until now are synced; never, when the server cannot be reached. */
  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((it) => it.synced));
  }

  /**
   * Runs all, also those asked for later; once in its life.
   *
   * @returns settles when the signal is aborted and all have ended
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#signal !== undefined) throw new Error('these informers ran already');
    this.#signal = signal;
    for (const informer of this.#informers.values()) this.#runs.push(informer.run(signal));
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await Promise.all(this.#runs);
  }
}

function keyFor(
  kind: Kind<KubeObject>,
  options: Pick<Wanted<KubeObject>, 'namespaces' | 'labelSelector' | 'fieldSelector'>,
): string {
  const { namespaces, labelSelector, fieldSelector } = options;
  const places = kind.namespaced && namespaces !== undefined ? [...namespaces].sort() : null;
  return JSON.stringify([kind.apiVersion, kind.plural, places, labelSelector ?? null, fieldSelector ?? null]);
}
