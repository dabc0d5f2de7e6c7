import type { KubeClient, Resource, ResourceList } from '../kube-client.ts';

const PAUSE_MS = 500;

/** All objects of one kind, as they are now, by list and watch; lists again whenever the watch ends. */
export class Followed<T extends Resource> {
  readonly #objects = new Map<string, T>();
  readonly #client: KubeClient;
  readonly #path: string;
  readonly #changed: () => void;
  #listed = false;

  constructor(client: KubeClient, path: string, changed: () => void) {
    this.#client = client;
    this.#path = path;
    this.#changed = changed;
  }

  /** False until the first list is there: what is not known yet must not be taken for absent. */
  get isKnown(): boolean {
    return this.#listed;
  }

  all(): T[] {
    return [...this.#objects.values()];
  }

  async follow(): Promise<never> {
    for (;;) {
      try {
        await this.#once();
      } catch (error) {
        console.error(error);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #once(): Promise<void> {
    const { items, metadata } = await this.#client.get<ResourceList<T>>(this.#path);
    this.#objects.clear();
    for (const item of items) this.#objects.set(item.metadata.uid, item);
    this.#listed = true;
    this.#changed();
    const query = { resourceVersion: metadata.resourceVersion };
    for await (const { type, object } of this.#client.watch<T>(this.#path, query, new AbortController().signal)) {
      if (type === 'ERROR') return;
      if (type === 'DELETED') this.#objects.delete(object.metadata.uid);
      else this.#objects.set(object.metadata.uid, object);
      this.#changed();
    }
  }
}

/** Calls `work` once for any number of wishes that came while it ran, never twice at a time; tries again after an error. */
export function oneAtATime(work: () => Promise<void>): () => void {
  let isRunning = false;
  let isWished = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (isWished) {
      isWished = false;
      try {
        await work();
      } catch (error) {
        console.error(error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        isWished = true;
      }
    }
    isRunning = false;
  };
  return () => {
    isWished = true;
    if (!isRunning) void run();
  };
}
