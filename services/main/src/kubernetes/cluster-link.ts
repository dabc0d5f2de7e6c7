import type { SystemStatus } from '@mediajob/contract';
import { type Environment, type KubeApi, KubeApiError, sleep } from '@mediajob/kube';
import { isUnreachable, troubleOf } from './cluster-errors.js';
import { MediaJobs } from './media-job-kind.js';

/** up: it answers. degraded: it answers, and refuses what we need. down: it does not answer. */
export interface LinkState {
  readonly state: NonNullable<SystemStatus['cluster']>['state'];
  /** ms of the epoch: when that began. */
  readonly since: number;
  /** What is wrong, and what to do next. */
  readonly detail?: string;
}

export interface ClusterLinkOptions {
  readonly api: Pick<KubeApi, 'list'>;
  readonly namespace: string;
  readonly environment: Environment;
  /** Pause between two looks, in ms. */
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;
/** For one try of a look, in ms. */
const PROBE_MS = 5_000;

/** Whether the cluster answers: known by looking now and then, and from every call that is made. */
export class ClusterLink {
  readonly #options: ClusterLinkOptions;
  readonly #listeners = new Set<(state: LinkState) => void>();
  #state: LinkState;
  #asked = false;

  constructor(options: ClusterLinkOptions) {
    this.#options = options;
    const since = options.environment.clock.now();
    this.#state = { state: 'down', since, detail: 'It has not been asked yet.' };
  }

  get state(): LinkState {
    return this.#state;
  }

  /** It did not answer when it was asked last: asking again now would only cost time. */
  get isKnownToBeDown(): boolean {
    return this.#asked && this.#state.state === 'down';
  }

  /** Told when the state becomes another one. @returns ends that */
  onChange(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes a call, and learns from how it ends. @throws what the call throws */
  async call<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.#answered();
      return result;
    } catch (error) {
      if (isUnreachable(error)) this.#become('down', error);
      else if (isAnswer(error)) this.#answered();
      throw error;
    }
  }

  /** Looks once: whether the MediaJobs of the namespace can be listed. */
  async probe(signal?: AbortSignal): Promise<LinkState> {
    const { api, namespace } = this.#options;
    try {
      await api.list(MediaJobs, { namespace, limit: 1, timeoutMs: PROBE_MS, ...(signal && { signal }) });
      this.#become('up');
    } catch (error) {
      if (isUnreachable(error)) this.#become('down', error);
      else if (isAnswer(error)) this.#become('degraded', error);
    }
    return this.#state;
  }

  /** @returns settles when the signal is aborted */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs = EVERY_MS, environment } = this.#options;
    while (!signal.aborted) {
      await this.probe(signal);
      await sleep(environment.clock, everyMs * (0.8 + 0.4 * environment.random()), signal);
    }
  }

  /** Whatever it said; that it refuses what a look needs is for the next look to find out. */
  #answered(): void {
    if (this.#state.state === 'down') this.#become('up');
  }

  #become(state: LinkState['state'], error?: unknown): void {
    const { environment, namespace } = this.#options;
    const first = !this.#asked;
    this.#asked = true;
    const detail = error === undefined ? undefined : troubleOf(error, namespace);
    const same = state === this.#state.state;
    if (same && !first && detail === this.#state.detail) return;
    const since = same ? this.#state.since : environment.clock.now();
    this.#state = { state, since, ...(detail === undefined ? {} : { detail }) };
    if (state === 'up') environment.log.info({ namespace }, 'the cluster answers');
    else environment.log.warn({ namespace, state, err: error }, `the cluster is ${state}: ${detail}`);
    for (const listener of [...this.#listeners]) listener(this.#state);
  }
}

function isAnswer(error: unknown): boolean {
  return error instanceof KubeApiError && error.status > 0;
}
