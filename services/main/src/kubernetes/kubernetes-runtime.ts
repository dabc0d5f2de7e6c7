import type { MainEnv } from '@mediajob/contract';
import {
  type Environment,
  HttpKubeApi,
  type KubeApi,
  KubeConfigError,
  type KubeLogger,
  kubeConfigAccess,
  type ServerAccess,
  systemClock,
} from '@mediajob/kube';
import { ConfigError, volumeOf } from '@mediajob/service';
import type { ServiceContext } from '@mediajob/service/nest';
import { checkVolume, prepareVolume } from '@mediajob/storage';
import { EventBus } from '../events/event-bus.js';
import { Cluster } from './cluster.js';
import { clusterMetrics } from './cluster-metrics.js';
import { VolumeOutboxFiles } from './outbox-files.js';

/** Time between two tries to read a volume that is not there yet, in ms. */
const LOAD_AGAIN_MS = 3_000;
/** A start waits so long for the jobs of the cluster, so that the first pages have them; then it goes on without. */
const FIRST_SYNC_MS = 5_000;

/** Where the cluster is, and the way to it. */
export interface ClusterAccess {
  readonly api: KubeApi & { close(): Promise<void> };
  readonly namespace: string;
}

/**
 * By the pod's service account or a kubeconfig.
 *
 * @throws ConfigError when there is neither
 */
export async function clusterAccess(
  service: Pick<ServiceContext<MainEnv>, 'env' | 'logger' | 'metrics' | 'version'>,
  given?: ServerAccess,
): Promise<ClusterAccess> {
  const { env, logger, metrics, version } = service;
  const access = given ?? (await kubeConfigAccess({ clock: systemClock, log: logger }).catch(wrongSetting));
  const api = new HttpKubeApi({
    access,
    environment: environmentOf(logger),
    registry: metrics.registry,
    userAgent: `mediajob-main/${version}`,
    // A person waits for an answer: what lasts longer is kept and done later.
    retry: { maxTries: 2, maxRetryAfterMs: 2_000 },
  });
  return { api, namespace: env.MEDIAJOB_NAMESPACE ?? access.namespace ?? 'default' };
}

function wrongSetting(error: unknown): never {
  if (!(error instanceof KubeConfigError)) throw error;
  throw new ConfigError(
    `MEDIAJOB_RUNTIME=kubernetes: ${error.message}.\nRun it in a pod, set KUBECONFIG, or leave MEDIAJOB_RUNTIME out to run jobs without a cluster.`,
  );
}

/** main over a cluster, from its start to its end. */
export class KubernetesRuntime {
  readonly events: EventBus;
  readonly cluster: Cluster;
  readonly #service: ServiceContext<MainEnv>;
  readonly #access: ClusterAccess;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  #again: NodeJS.Timeout | undefined;

  constructor(service: ServiceContext<MainEnv>, access: ClusterAccess) {
    const { logger, metrics, env } = service;
    this.#service = service;
    this.#access = access;
    this.events = new EventBus((error) => logger.error({ err: error }, 'a listener of events failed'));
    this.cluster = new Cluster({
      ...access,
      files: new VolumeOutboxFiles(volumeOf(env)),
      environment: environmentOf(logger),
      registry: metrics.registry,
      publish: (event) => this.events.publish(event),
    });
    clusterMetrics(metrics, this.cluster);
  }

  /** Begins to watch the cluster and to make what is kept. Does not wait for a cluster or a volume that is not there. */
  async start(): Promise<void> {
    const { namespace, view, outbox, synced } = this.cluster;
    this.#running.push(this.cluster.watch(this.#stop.signal));
    await this.#load();
    const late = await Promise.race([synced.then(() => false), this.#silence()]);
    this.#service.logger.info(
      { namespace, jobs: view.objects().length, kept: outbox.size },
      late ? 'the cluster has not answered yet; its jobs come when it does' : 'the jobs of the cluster are known',
    );
    // Pages that were told meanwhile that nothing is known ask again.
    if (late) void synced.then(() => this.events.publish({ type: 'reset' }));
  }

  /** Nothing is lost by that: jobs go on in the cluster, and the next start makes what is kept. */
  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#again);
    await Promise.all(this.#running);
    await this.#access.api.close();
  }

  /** A volume that is mounted later is read later; until then nobody is told that nothing is kept. */
  async #load(): Promise<void> {
    const { env, logger } = this.#service;
    const { root } = volumeOf(env);
    try {
      await checkVolume(root).catch(() => prepareVolume(root));
      await this.cluster.outbox.load();
    } catch (error) {
      logger.error({ err: error }, 'jobs that are kept cannot be read from the media volume yet; trying again');
      if (!this.#stop.signal.aborted) this.#again = setTimeout(() => void this.#load(), LOAD_AGAIN_MS);
      return;
    }
    this.#running.push(this.cluster.delivery.run(this.#stop.signal));
  }

  /** Settles when the cluster is known not to answer as it should, or has taken too long. */
  #silence(): Promise<true> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(true), FIRST_SYNC_MS);
      const forget = this.cluster.link.onChange(({ state }) => {
        if (state === 'up') return;
        clearTimeout(timer);
        forget();
        resolve(true);
      });
    });
  }
}

function environmentOf(log: KubeLogger): Environment {
  return { clock: systemClock, random: Math.random, log };
}
