import type { Engine } from '@mediajob/speech';

/** An engine for as long as it is needed. */
export interface EngineLease {
  engine: Engine;
  /** Of the model's file. */
  modelSha256: string;
  /** Gives it back; more than once is fine. */
  release(): void;
}

export interface ModelIdentity {
  modelPath: string;
  modelBytes: number;
  modelSha256: string;
}

export interface EnginePoolOptions {
  /** Starts an engine with a model. @throws EngineError, ModelError */
  open(model: ModelIdentity & { name: string }): Promise<Engine>;
  /** Where a model is and which one; cheap. @throws ModelError model-missing */
  identify(name: string): Promise<ModelIdentity>;
  /** A model that nobody has used for this long is unloaded. */
  ttlMs: number;
  /** Name of a model that stays loaded once it is, until another one needs the memory. */
  keepWarm?: string;
  /** What went wrong while closing an engine that nobody waits for. */
  onError?(error: unknown): void;
}

interface Loaded {
  name: string;
  modelSha256: string;
  engine: Promise<Engine>;
  users: number;
  timer: NodeJS.Timeout | undefined;
  /** Replaced or unloaded: closed as soon as its last user has gone. */
  retired: boolean;
}

/** Keeps models loaded between runs: one engine a model, shared by all who ask for it at the same time. */
export class EnginePool {
  readonly #options: EnginePoolOptions;
  readonly #loaded = new Map<string, Loaded>();
  readonly #closing = new Set<Promise<void>>();
  #closed = false;

  constructor(options: EnginePoolOptions) {
    this.#options = options;
  }

  /** Names of the models that are loaded or being loaded. */
  get models(): string[] {
    return [...this.#loaded.keys()];
  }

  identify(name: string): Promise<ModelIdentity> {
    return this.#options.identify(name);
  }

  /**
   * Gives an engine with this model, loading it when it is not. Engines of other models that nobody uses are closed
   * first: two large models rarely fit into memory together.
   * @throws EngineError, ModelError; the signal's reason when it is aborted
   */
  async acquire(name: string, options: { signal?: AbortSignal } = {}): Promise<EngineLease> {
    const identity = await this.#options.identify(name);
    options.signal?.throwIfAborted();
    if (this.#closed) throw new DOMException('The engines have been closed.', 'AbortError');
    let loaded = this.#loaded.get(name);
    if (loaded !== undefined && loaded.modelSha256 !== identity.modelSha256) {
      // The model was pulled again meanwhile.
      this.#retire(loaded);
      loaded = undefined;
    }
    loaded ??= this.#load(name, identity);
    loaded.users += 1;
    clearTimeout(loaded.timer);
    const lease = this.#leaseOf(loaded);
    try {
      return { engine: await abortable(loaded.engine, options.signal), ...lease };
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** Closes all engines and takes no one any more; requests under way fail as the engine makes them fail. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const loaded of [...this.#loaded.values()]) {
      this.#loaded.delete(loaded.name);
      this.#shut(loaded);
    }
    await Promise.all(this.#closing);
  }

  #load(name: string, identity: ModelIdentity): Loaded {
    for (const other of [...this.#loaded.values()]) if (other.users === 0) this.#retire(other);
    // Their memory is free again before the next model takes its own.
    const engine = Promise.all(this.#closing).then(() => {
      if (this.#closed) throw new DOMException('The engines have been closed.', 'AbortError');
      return this.#options.open({ name, ...identity });
    });
    const loaded: Loaded = {
      name,
      modelSha256: identity.modelSha256,
      engine,
      users: 0,
      timer: undefined,
      retired: false,
    };
    this.#loaded.set(name, loaded);
    // The next one who asks tries again.
    engine.catch(() => {
      if (this.#loaded.get(name) === loaded) this.#loaded.delete(name);
    });
    return loaded;
  }

  #leaseOf(loaded: Loaded): Omit<EngineLease, 'engine'> {
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      loaded.users -= 1;
      if (loaded.users > 0) return;
      if (loaded.retired) {
        this.#shut(loaded);
      } else if (loaded.name !== this.#options.keepWarm) {
        loaded.timer = setTimeout(() => this.#retire(loaded), this.#options.ttlMs);
        loaded.timer.unref();
      }
    };
    return { modelSha256: loaded.modelSha256, release };
  }

  #retire(loaded: Loaded): void {
    loaded.retired = true;
    if (this.#loaded.get(loaded.name) === loaded) this.#loaded.delete(loaded.name);
    if (loaded.users === 0) this.#shut(loaded);
  }

  #shut(loaded: Loaded): void {
    clearTimeout(loaded.timer);
    const closing = loaded.engine
      .then(
        (engine) => engine.close(),
        // It never opened: whoever asked for it was told.
        () => undefined,
      )
      .catch((error: unknown) => this.#options.onError?.(error))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

/** The promise, or the signal's reason when that comes first. The work behind the promise goes on. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
