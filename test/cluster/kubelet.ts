import { type KubeClient, type ResourceList, StatusError } from './kube-client.ts';
import { type Pod, PodPlayer } from './pods.ts';

/** What becomes of a pod: called once for each, when it is bound to the node. Throwing shows in `stop()`. */
export type Fate = (player: PodPlayer, pod: Pod) => Promise<void>;

export interface KubeletOptions {
  readonly client: KubeClient;
  /** Name of a Node that is there: addNode(). */
  readonly node: string;
  /** Which pods it takes; left out: all of all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fate: Fate;
  /**
   * How a pod that is deleted ends. Left out: its containers end with 143, and it goes at once. To leave it Terminating
   * for ever, do nothing.
   */
  readonly onDeletion?: Fate;
}

/** Scheduler and kubelet of a test: binds every pod that matches, and lets happen to it what `fate` says. */
export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #stopped = new AbortController();
  readonly #seen = new Set<string>();
  readonly #ending = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  readonly #loop: Promise<void>;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#loop = this.#follow();
  }

  /** Waits for the fates that are under way. @throws what a fate threw */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    await Promise.all(this.#running);
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** List and watch, again whenever the watch ends for whatever reason: the API server may be killed by the test. */
  async #follow(): Promise<void> {
    const { client, namespace, labelSelector } = this.#options;
    const path = namespace === undefined ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
    const selector: Record<string, string> = labelSelector === undefined ? {} : { labelSelector };
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        const list = await client.call<ResourceList<Pod>>(`${path}?${new URLSearchParams(selector)}`, { signal });
        for (const pod of list.items) this.#look(pod);
        const since = { ...selector, resourceVersion: list.metadata.resourceVersion };
        for await (const { type, object } of client.watch<Pod>(path, since, signal)) {
          if (type === 'ERROR') break;
          if (type !== 'DELETED') this.#look(object);
        }
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  #look(pod: Pod): void {
    const { uid, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      if (!this.#ending.has(uid)) this.#play(pod, this.#ending, this.#options.onDeletion ?? finish);
    } else if (!this.#seen.has(uid) && !['Succeeded', 'Failed'].includes(pod.status.phase))
      this.#play(pod, this.#seen, this.#options.fate);
  }

  #play(pod: Pod, once: Set<string>, fate: Fate): void {
    once.add(pod.metadata.uid);
    const player = new PodPlayer(this.#options.client, pod);
    const work = (async () => {
      try {
        if (!pod.spec.nodeName && !pod.metadata.deletionTimestamp) await player.bind(this.#options.node);
        await fate(player, pod);
      } catch (error) {
        if (!isOver(error)) this.#failures.push(error);
      }
    })();
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }
}

const finish: Fate = (player) => player.finishDeletion();

/**
 * The pod went, or goes with its namespace, in which it cannot be bound any more: a real kubelet looks again, and the next
 * event brings the test's there.
 */
function isOver(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  return error.status === 404 || (error.status === 403 && error.message.includes('because it is being terminated'));
}
