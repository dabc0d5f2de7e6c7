import type { MainEnv } from '@mediajob/contract';
import { volumeOf } from '@mediajob/service';
import { SERVICE_CONTEXT, type ServiceContext } from '@mediajob/service/nest';
import { checkVolume, prepareVolume } from '@mediajob/storage';
import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { EventBus } from '../events/event-bus.js';
import { EVENT_SOURCE } from '../events/event-source.js';
import { JOB_DIRECTORY } from '../job-directory.js';
import { OwnVolume } from '../system/own-volume.js';
import { systemClock } from './clock.js';
import { HttpWorkers } from './http-workers.js';
import { VolumeJobFiles } from './job-files.js';
import { JobStore } from './job-store.js';
import { LocalRuntime } from './local-runtime.js';
import { runtimeMetrics } from './runtime-metrics.js';

/** Time between two tries to read the jobs of a volume that is not there yet, in ms. */
const LOAD_AGAIN_MS = 3000;

/** Jobs without a cluster: files on the volume, runs at converters and transcribers over HTTP. */
@Module({
  providers: [
    {
      provide: EventBus,
      inject: [SERVICE_CONTEXT],
      useFactory: ({ logger }: ServiceContext) =>
        new EventBus((error) => logger.error({ err: error }, 'a listener of events failed')),
    },
    { provide: EVENT_SOURCE, useExisting: EventBus },
    {
      provide: VolumeJobFiles,
      inject: [SERVICE_CONTEXT],
      useFactory: ({ env }: ServiceContext<MainEnv>) => new VolumeJobFiles(volumeOf(env)),
    },
    {
      provide: HttpWorkers,
      inject: [SERVICE_CONTEXT],
      useFactory: ({ env }: ServiceContext<MainEnv>) =>
        new HttpWorkers({
          converters: env.MEDIAJOB_CONVERTER_URLS,
          transcribers: env.MEDIAJOB_TRANSCRIBER_URLS,
          volume: new OwnVolume(volumeOf(env).root),
        }),
    },
    {
      provide: JobStore,
      inject: [SERVICE_CONTEXT, VolumeJobFiles, EventBus],
      useFactory: ({ logger }: ServiceContext, files: VolumeJobFiles, bus: EventBus) =>
        new JobStore(files, {
          clock: systemClock,
          log: logger,
          onChanged: (job) => bus.publish({ type: 'job', job }),
          onRemoved: (id) => bus.publish({ type: 'job-deleted', id }),
        }),
    },
    { provide: JOB_DIRECTORY, useExisting: JobStore },
    {
      provide: LocalRuntime,
      inject: [SERVICE_CONTEXT, JobStore, VolumeJobFiles, HttpWorkers],
      useFactory: (
        { env, logger, metrics }: ServiceContext<MainEnv>,
        store: JobStore,
        files: VolumeJobFiles,
        workers: HttpWorkers,
      ) => {
        const count = runtimeMetrics(metrics.registry, () => store);
        return new LocalRuntime(store, files, workers, {
          clock: systemClock,
          log: logger,
          policy: {
            chunkTargetMs: env.MEDIAJOB_CHUNK_TARGET,
            chunksPerShard: env.MEDIAJOB_CHUNKS_PER_SHARD,
            maxDurationMs: env.MEDIAJOB_MAX_DURATION,
          },
          onEvents: (job, events) => {
            count(job, events);
            const about = { jobId: job.metadata.uid, job: job.metadata.name, phase: job.status.phase };
            for (const { type, reason, message } of events) {
              logger[type === 'Warning' ? 'warn' : 'info']({ ...about, event: reason }, message);
            }
          },
        });
      },
    },
  ],
  exports: [EventBus, EVENT_SOURCE, JobStore, JOB_DIRECTORY, LocalRuntime],
})
export class LocalRuntimeModule implements OnModuleInit {
  readonly #service: ServiceContext<MainEnv>;
  readonly #store: JobStore;
  readonly #runtime: LocalRuntime;
  readonly #workers: HttpWorkers;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SERVICE_CONTEXT) service: ServiceContext<MainEnv>,
    @Inject(JobStore) store: JobStore,
    @Inject(LocalRuntime) runtime: LocalRuntime,
    @Inject(HttpWorkers) workers: HttpWorkers,
  ) {
    this.#service = service;
    this.#store = store;
    this.#runtime = runtime;
    this.#workers = workers;
  }

  async onModuleInit(): Promise<void> {
    // Progress is kept, connections are let go; runs go on at their workers until the next start takes them up.
    this.#service.shutdown.on('flush', 'local runtime', async () => {
      this.#stopped = true;
      clearTimeout(this.#timer);
      await this.#runtime.stop();
      await this.#workers.close();
    });
    await this.#load();
  }

  /** A volume that is mounted later is read later; until then nobody is told that there are no jobs. */
  async #load(): Promise<void> {
    if (this.#stopped) return;
    const { root } = volumeOf(this.#service.env);
    try {
      await checkVolume(root).catch(() => prepareVolume(root));
      await this.#store.load();
    } catch (error) {
      this.#service.logger.error({ err: error }, 'jobs cannot be read from the media volume yet; trying again');
      this.#timer = setTimeout(() => void this.#load(), LOAD_AGAIN_MS);
      return;
    }
    this.#service.logger.info({ jobs: this.#store.ids().size }, 'jobs are read');
    this.#runtime.start();
  }
}
