import { type MainEnv, type ModelStatus, PHASES, type Phase, type SystemStatus } from '@mediajob/contract';
import type { ServiceContext } from '@mediajob/service/nest';
import { freeSpace, type Volume } from '@mediajob/storage';
import type { RuntimeParts } from '../app.module.js';
import type { JobDirectory } from '../job-directory.js';
import type { Catalog } from './catalog.js';
import type { WorkerCalls } from './worker-calls.js';
import { type ServiceStatus, workerStatuses } from './worker-status.js';

/** Many pages ask at once; the workers are asked once in this time. */
const FRESH_MS = 2000;

/** How the whole system is, in one answer that comes also when parts are away. */
export class SystemService {
  readonly #service: ServiceContext<MainEnv>;
  readonly #volume: Volume;
  readonly #jobs: JobDirectory;
  readonly #catalog: Catalog;
  readonly #converters: WorkerCalls;
  readonly #transcribers: WorkerCalls;
  readonly #runtime: Pick<RuntimeParts, 'name' | 'cluster'>;
  #last: { at: number; status: Promise<SystemStatus> } | undefined;

  constructor(
    service: ServiceContext<MainEnv>,
    volume: Volume,
    jobs: JobDirectory,
    catalog: Catalog,
    workers: { readonly converters: WorkerCalls; readonly transcribers: WorkerCalls },
    runtime: Pick<RuntimeParts, 'name' | 'cluster'>,
  ) {
    this.#service = service;
    this.#volume = volume;
    this.#jobs = jobs;
    this.#catalog = catalog;
    this.#converters = workers.converters;
    this.#transcribers = workers.transcribers;
    this.#runtime = runtime;
  }

  status(): Promise<SystemStatus> {
    const now = performance.now();
    if (!this.#last || now - this.#last.at > FRESH_MS) {
      const status = this.#ask();
      this.#last = { at: now, status };
      status.catch(() => {
        this.#last = undefined;
      });
    }
    return this.#last.status;
  }

  /** Workers of both kinds, for the health check. */
  async workers(): Promise<ServiceStatus[]> {
    const found = await Promise.all([
      workerStatuses('converter', this.#converters),
      workerStatuses('transcriber', this.#transcribers),
    ]);
    return found.flat();
  }

  async #ask(): Promise<SystemStatus> {
    const { env, version, instance, startedAt, shutdown } = this.#service;
    const [workers, storage, models] = await Promise.all([this.workers(), this.#storage(), this.#models()]);
    const phases = this.#phases();
    const cluster = this.#runtime.cluster?.();
    const own: ServiceStatus = {
      name: 'main',
      address: `http://${env.MEDIAJOB_HOST}:${env.MEDIAJOB_PORT}`,
      state: shutdown.draining ? 'degraded' : 'up',
      instance,
      version,
    };
    return {
      version,
      runtime: this.#runtime.name,
      startedAt: startedAt.toISOString(),
      health: phases === undefined ? 'degraded' : healthOf([...workers, ...(cluster ? [cluster] : [])], storage.state),
      services: [own, ...workers],
      storage,
      ...(cluster === undefined ? {} : { cluster }),
      jobs: Object.fromEntries(PHASES.map((phase) => [phase, phases?.[phase] ?? 0])) as SystemStatus['jobs'],
      models,
      limits: {
        maxUploadBytes: env.MEDIAJOB_MAX_UPLOAD_BYTES,
        maxDurationMs: env.MEDIAJOB_MAX_DURATION,
        defaultModel: env.MEDIAJOB_DEFAULT_MODEL,
      },
    };
  }

  async #storage(): Promise<SystemStatus['storage']> {
    const reserveBytes = this.#service.env.MEDIAJOB_RESERVE_BYTES;
    const { totalBytes, freeBytes } = await freeSpace(this.#volume.root);
    // A file system that does not know its size tells nothing about its room.
    const known = totalBytes > 0;
    const state = known && freeBytes < reserveBytes ? 'full' : known && freeBytes < 2 * reserveBytes ? 'low' : 'ok';
    return { totalBytes, freeBytes, reserveBytes, state };
  }

  /** undefined while the jobs have not been read from the volume, such as one that is not mounted. */
  #phases(): Partial<Record<Phase, number>> | undefined {
    try {
      return this.#jobs.phases();
    } catch {
      return undefined;
    }
  }

  async #models(): Promise<ModelStatus[]> {
    return this.#catalog.models().then(
      ({ models }) => models,
      () => [],
    );
  }
}

/** main answers, so the whole is never down; it is degraded while some work cannot be done. */
function healthOf(
  others: readonly Pick<ServiceStatus, 'state'>[],
  storage: SystemStatus['storage']['state'],
): 'up' | 'degraded' {
  return storage !== 'full' && others.every(({ state }) => state === 'up') ? 'up' : 'degraded';
}
