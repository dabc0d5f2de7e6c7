import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { OperatorEnv } from '@mediajob/contract';
import {
  type Environment,
  HttpKubeApi,
  type KubeConfigSource,
  kubeConfigAccess,
  type ManagedServer,
  type ManagerEnd,
  sleep,
  systemClock,
} from '@mediajob/kube';
import {
  auditLog,
  createLogger,
  createMetrics,
  type Logger,
  newInstanceId,
  type ServiceLogger,
  type ServiceMetrics,
  serveMetrics,
} from '@mediajob/service';
import { HealthServer } from './health-server.js';
import { readsWorkloads } from './kueue.js';
import { operatorConfig } from './operator-config.js';
import { ProfileFile } from './profiles.js';
import { podsAndJobs } from './progress/owned-run.js';
import {
  ADDRESS_ANNOTATION,
  createProgressService,
  leaderOf,
  type ProgressService,
} from './progress/progress-service.js';
import { ProgressBook } from './progress-book.js';
import { releaseFinalizers } from './release-finalizers.js';
import { createOperator, type Operator } from './start-operator.js';

export interface OperatorServiceOptions {
  readonly env: OperatorEnv;
  readonly version: string;
  /** Left out: KUBECONFIG, or the pod's own service account. */
  readonly kubeconfig?: KubeConfigSource;
  /** Event loop, heap and the like: once a process. */
  readonly processMetrics?: boolean;
  /** Where log lines go; stdout when left out. */
  readonly stdout?: Parameters<typeof createLogger>[0]['stdout'];
}

/** A part of a process that is put together before anything of it runs. */
interface Parts {
  readonly env: OperatorEnv;
  readonly version: string;
  readonly instance: string;
  readonly metrics: ServiceMetrics;
  readonly log: ServiceLogger;
  readonly environment: Environment;
  readonly api: HttpKubeApi;
}

export interface OperatorService {
  readonly logger: Logger;
  /** Ports that it listens on, also where 0 was asked for; undefined: not yet, or not at all. */
  readonly ports: { readonly health: number; readonly metrics: number; readonly progress: number | undefined };
  readonly operator: Operator;
  /**
   * Works until it is told to stop.
   * @returns `lost`: another replica may lead by now, and this process had better begin anew
   */
  run(stop: AbortSignal): Promise<ManagerEnd>;
  flushSync(): void;
}

/** Pause in ms before a server that cannot be reached at the start is asked again. */
const AGAIN_MS = 2_000;

/**
 * The operator as a process has it: settings, log, metrics, health, the way to the API server, and the receiver.
 *
 * @throws KubeConfigError
 */
export async function createOperatorService(options: OperatorServiceOptions): Promise<OperatorService> {
  const parts = await partsOf(options);
  const { env, metrics, environment, api, log } = parts;
  const book = new ProgressBook();
  const profiles =
    env.MEDIAJOB_PROFILES_FILE === undefined
      ? undefined
      : new ProfileFile({ path: env.MEDIAJOB_PROFILES_FILE, clock: environment.clock, log: environment.log });
  await profiles?.read();
  // What reports look at is there once there is an operator.
  const late: { operator?: Operator } = {};
  const progress = progressOf(parts, book, () => late.operator);
  const health = healthServer(parts, () => late.operator);
  const metricsServer = new MetricsServer(metrics, env);
  const operator = createOperator({
    api,
    environment,
    registry: metrics.registry,
    book,
    config: operatorConfig(env, progress?.config),
    kueue: (signal) => knowsKueue(parts, signal),
    reconciles: env.MEDIAJOB_RECONCILES,
    instance: env.MEDIAJOB_POD_NAME ?? hostname(),
    servers: [metricsServer, health, ...(progress === undefined ? [] : [progress.server])],
    loops: (_leadership, fenced) => (progress === undefined ? [] : [(signal) => progress.maintain(fenced, signal)]),
    home: env.MEDIAJOB_NAMESPACE,
    drainMs: env.MEDIAJOB_SHUTDOWN_GRACE * DRAIN_PART,
    finishMs: env.MEDIAJOB_SHUTDOWN_GRACE * FINISH_PART,
    ...(profiles !== undefined && { profiles }),
    ...(env.MEDIAJOB_WATCH_NAMESPACES !== undefined && { namespaces: env.MEDIAJOB_WATCH_NAMESPACES }),
    ...(env.MEDIAJOB_LEADER_ELECTION && { election: electionOf(env, progress) }),
  });
  late.operator = operator;
  return {
    logger: log.logger,
    operator,
    get ports() {
      return { health: health.port, metrics: metricsServer.port, progress: progress?.server.port };
    },
    run: async (end) => {
      const looking = new AbortController();
      const watching = profiles?.watch(looking.signal);
      try {
        return await operator.run(end);
      } finally {
        looking.abort();
        await watching;
        await api.close();
        await log.close();
      }
    },
    flushSync: () => log.flushSync(),
  };
}

/** Of the grace that a process has to end, what reconciles under way may take. */
const DRAIN_PART = 0.6;
/** And what is left to be written after that. */
const FINISH_PART = 0.3;

/**
 * Lets go of all MediaJobs: `server.js release-finalizers`.
 * @returns how many
 */
export async function releaseAll(options: OperatorServiceOptions): Promise<number> {
  const { api, env, log } = await partsOf(options);
  try {
    return await releaseFinalizers(api, env.MEDIAJOB_WATCH_NAMESPACES, log.logger);
  } finally {
    await api.close();
    await log.close();
  }
}

async function partsOf({ env, version, kubeconfig, processMetrics, stdout }: OperatorServiceOptions): Promise<Parts> {
  const instance = newInstanceId(env.MEDIAJOB_INSTANCE);
  const metrics = createMetrics({
    service: 'operator',
    version,
    ...(processMetrics !== undefined && { processMetrics }),
  });
  const log = createLogger({
    service: 'operator',
    instance,
    // The operator mounts no volume: its log is on stdout alone.
    env: {
      MEDIAJOB_LOG_LEVEL: env.MEDIAJOB_LOG_LEVEL,
      MEDIAJOB_LOG_FILES: false,
      MEDIAJOB_DATA_DIR: '.',
      MEDIAJOB_LOG_MAX_BYTES: 0,
      MEDIAJOB_LOG_KEEP: 1,
      MEDIAJOB_LOG_DEAD_INSTANCE_TTL: 0,
    },
    drops: metrics.logDrops,
    ...(stdout !== undefined && { stdout }),
  });
  const environment: Environment = { clock: systemClock, random: Math.random, log: log.logger };
  const access = await kubeConfigAccess({ ...kubeconfig, clock: environment.clock, log: environment.log });
  const api = new HttpKubeApi({
    access,
    environment,
    registry: metrics.registry,
    userAgent: `mediajob-operator/${version}`,
  });
  return { env, version, instance, metrics, log, environment, api };
}

function progressOf(
  { env, metrics, environment, api, log }: Parts,
  book: ProgressBook,
  operator: () => Operator | undefined,
): ProgressService | undefined {
  const { MEDIAJOB_PROGRESS_URL: url, MEDIAJOB_PROGRESS_TLS: tls } = env;
  if (url === undefined || tls === 'off') return undefined;
  const view = () => {
    const known = operator()?.view;
    if (known === undefined) throw new Error('a report came before there is an operator');
    return known;
  };
  return createProgressService({
    api,
    environment,
    registry: metrics.registry,
    audit: auditLog(log.logger, metrics),
    host: env.MEDIAJOB_HOST,
    port: env.MEDIAJOB_PROGRESS_PORT,
    url,
    audience: env.MEDIAJOB_PROGRESS_AUDIENCE,
    secret: { namespace: env.MEDIAJOB_NAMESPACE, name: env.MEDIAJOB_PROGRESS_SECRET },
    madeBy: tls === 'own' ? 'us' : 'others',
    book,
    cluster: () => podsAndJobs(api, { pods: view().pods.store, jobs: view().jobs.store }),
    leader: () => leaderOf(operator()?.elector),
  });
}

function electionOf(env: OperatorEnv, progress: ProgressService | undefined) {
  const ip = env.MEDIAJOB_POD_IP;
  const host = ip?.includes(':') === true ? `[${ip}]` : ip;
  return {
    namespace: env.MEDIAJOB_NAMESPACE,
    name: env.MEDIAJOB_LEASE,
    identity: `${env.MEDIAJOB_POD_NAME ?? hostname()}_${randomUUID()}`,
    leaseDurationMs: env.MEDIAJOB_LEASE_DURATION,
    renewDeadlineMs: env.MEDIAJOB_LEASE_RENEW_DEADLINE,
    retryPeriodMs: env.MEDIAJOB_LEASE_RETRY_PERIOD,
    ...(progress !== undefined &&
      host !== undefined && { annotations: { [ADDRESS_ANNOTATION]: `${host}:${env.MEDIAJOB_PROGRESS_PORT}` } }),
  };
}

async function knowsKueue({ env, api, environment }: Parts, stop: AbortSignal): Promise<boolean> {
  if (env.MEDIAJOB_KUEUE !== 'auto') return env.MEDIAJOB_KUEUE === 'on';
  for (;;) {
    try {
      return await readsWorkloads(api, environment.log, env.MEDIAJOB_WATCH_NAMESPACES?.[0]);
    } catch (error) {
      if (stop.aborted) return false;
      environment.log.warn({ err: error }, 'the API server cannot be asked yet; trying again');
      await sleep(environment.clock, AGAIN_MS, stop);
    }
  }
}

function healthServer({ env, version, instance }: Parts, operator: () => Operator | undefined): HealthServer {
  return new HealthServer({
    host: env.MEDIAJOB_HOST,
    port: env.MEDIAJOB_PORT,
    about: { service: 'operator', version, instance, startedAt: new Date().toISOString() },
    health: {
      live: () => operator()?.manager.live ?? true,
      ready: () => operator()?.manager.ready ?? false,
      describe: () => {
        const running = operator();
        return {
          leading: running?.manager.leading ?? false,
          leader: running?.elector?.holder?.identity,
          waitingFor: running?.informers.unsynced ?? [],
          refused: running?.informers.refused ?? [],
          mediaJobs: running?.view.mediaJobs.store.size ?? 0,
          jobs: running?.view.jobs.store.size ?? 0,
          pods: running?.view.pods.store.size ?? 0,
        };
      },
    },
  });
}

/** /metrics, on a port of its own. */
class MetricsServer implements ManagedServer {
  readonly name = 'metrics';
  readonly #metrics: ServiceMetrics;
  readonly #env: OperatorEnv;
  #running: Awaited<ReturnType<typeof serveMetrics>> | undefined;

  constructor(metrics: ServiceMetrics, env: OperatorEnv) {
    this.#metrics = metrics;
    this.#env = env;
  }

  get port(): number {
    return this.#running?.port ?? this.#env.MEDIAJOB_METRICS_PORT;
  }

  async start(): Promise<void> {
    const { MEDIAJOB_HOST: host, MEDIAJOB_METRICS_PORT: port } = this.#env;
    this.#running = await serveMetrics(this.#metrics.registry, host, port);
  }

  async close(): Promise<void> {
    await this.#running?.close();
  }
}
