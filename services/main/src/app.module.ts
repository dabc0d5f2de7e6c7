import type { MainEnv, SystemStatus } from '@mediajob/contract';
import { type HealthCheck, volumeCheck, volumeOf } from '@mediajob/service';
import { HealthModule, type ServiceContext } from '@mediajob/service/nest';
import { prepareVolume } from '@mediajob/storage';
import { type DynamicModule, Module, type Provider, type Type } from '@nestjs/common';
import { EVENT_SOURCE, type EventSource } from './events/event-source.js';
import { EventsController } from './events/events.controller.js';
import { JOB_DIRECTORY, type JobDirectory } from './job-directory.js';
import { JobMedia } from './media/job-media.js';
import { MediaController } from './media/media.controller.js';
import { CorrectedOutputs } from './outputs/corrected-outputs.js';
import { JobOutputs } from './outputs/job-outputs.js';
import { OutputsController } from './outputs/outputs.controller.js';
import { rateLimitModule } from './security/rate-limit.js';
import { SweepModule } from './sweep/sweep.module.js';
import { Catalog } from './system/catalog.js';
import { OwnVolume } from './system/own-volume.js';
import { SystemController } from './system/system.controller.js';
import { SystemService } from './system/system.service.js';
import { SystemWatch } from './system/system-watch.js';
import { WorkerCalls } from './system/worker-calls.js';
import { workerCheck } from './system/worker-health.js';
import { CONVERTERS, TRANSCRIBERS, VOLUME } from './tokens.js';
import { TranscriptsController } from './transcripts/transcripts.controller.js';
import { TranscriptsService } from './transcripts/transcripts.service.js';
import { UploadFiles } from './uploads/upload-files.js';
import { uploadsModule } from './uploads/uploads.module.js';

/** What drives jobs: the local runtime, or a double in tests. Its modules export JOB_DIRECTORY and EVENT_SOURCE. */
export interface RuntimeParts {
  readonly name: SystemStatus['runtime'];
  readonly foundation: DynamicModule | Type;
  /** Modules on top of it and of uploads, such as the jobs API. */
  readonly features: readonly (DynamicModule | Type)[];
  /** Of what the runtime needs beside the volume and the workers. */
  readonly checks?: readonly HealthCheck[];
  /** How the cluster is, when there is one. */
  cluster?(): NonNullable<SystemStatus['cluster']>;
}

@Module({})
class FoundationModule {}

@Module({})
class FilesModule {}

@Module({})
class AppModule {}

/** Times that no administrator has a reason to change. */
export interface Tuning {
  /** An upload’s sender that is silent for longer is taken for gone; its upload goes on when it is back. */
  readonly uploadIdleMs: number;
}

export const TUNING: Tuning = { uploadIdleMs: 60_000 };

/** All of main, over a volume that is prepared when it can be. */
export async function mainModule(
  service: ServiceContext<MainEnv>,
  runtime: RuntimeParts,
  tuning: Tuning = TUNING,
): Promise<DynamicModule> {
  const { env, logger, metrics, shutdown } = service;
  const volume = volumeOf(env);
  await prepareVolume(volume.root).catch((error: unknown) => {
    logger.error({ err: error }, 'the media volume cannot be used yet; readiness tells when it can');
  });
  const own = new OwnVolume(volume.root);
  const converters = new WorkerCalls('converter', env.MEDIAJOB_CONVERTER_URLS, metrics, own);
  const transcribers = new WorkerCalls('transcriber', env.MEDIAJOB_TRANSCRIBER_URLS, metrics, own);
  shutdown.on('flush', 'worker calls', () => Promise.all([converters.close(), transcribers.close()]).then(() => {}));

  const foundation: DynamicModule = {
    module: FoundationModule,
    global: true,
    imports: [runtime.foundation],
    providers: [
      { provide: VOLUME, useValue: volume },
      { provide: CONVERTERS, useValue: converters },
      { provide: TRANSCRIBERS, useValue: transcribers },
      { provide: UploadFiles, useValue: new UploadFiles(volume) },
    ],
    exports: [VOLUME, CONVERTERS, TRANSCRIBERS, UploadFiles, runtime.foundation],
  };
  const checks = [
    volumeCheck(volume, { reserveBytes: env.MEDIAJOB_RESERVE_BYTES, registry: metrics.registry }),
    workerCheck('converter', converters),
    workerCheck('transcriber', transcribers),
    ...(runtime.checks ?? []),
  ];
  return {
    module: AppModule,
    imports: [
      foundation,
      HealthModule.forRoot({ checks }),
      rateLimitModule(env.MEDIAJOB_RATE_LIMIT),
      uploadsModule(tuning.uploadIdleMs),
      SweepModule,
      { module: FilesModule, controllers: fileControllers, providers: fileProviders(service, runtime) },
      ...runtime.features,
    ],
  };
}

const fileControllers = [OutputsController, MediaController, TranscriptsController, EventsController, SystemController];

function fileProviders(service: ServiceContext<MainEnv>, runtime: RuntimeParts): Provider[] {
  return [
    {
      provide: JobOutputs,
      inject: [VOLUME, JOB_DIRECTORY],
      useFactory: (volume, jobs: JobDirectory) => new JobOutputs(volume, jobs),
    },
    {
      provide: JobMedia,
      inject: [VOLUME, JobOutputs, UploadFiles],
      useFactory: (volume, outputs: JobOutputs, uploads: UploadFiles) => new JobMedia(volume, outputs, uploads),
    },
    {
      provide: TranscriptsService,
      inject: [VOLUME, JobOutputs],
      useFactory: (volume, outputs: JobOutputs) => new TranscriptsService(volume, outputs),
    },
    {
      provide: CorrectedOutputs,
      inject: [JobOutputs, TranscriptsService],
      useFactory: (outputs: JobOutputs, transcripts: TranscriptsService) =>
        new CorrectedOutputs(outputs, transcripts, service.version),
    },
    { provide: Catalog, inject: [TRANSCRIBERS], useFactory: (transcribers: WorkerCalls) => new Catalog(transcribers) },
    {
      provide: SystemService,
      inject: [VOLUME, JOB_DIRECTORY, Catalog, CONVERTERS, TRANSCRIBERS],
      useFactory: (volume, jobs: JobDirectory, catalog: Catalog, converters: WorkerCalls, transcribers: WorkerCalls) =>
        new SystemService(service, volume, jobs, catalog, { converters, transcribers }, runtime),
    },
    {
      provide: SystemWatch,
      inject: [SystemService, EVENT_SOURCE],
      useFactory: (system: SystemService, events: EventSource) => {
        const watch = new SystemWatch(system, events);
        service.shutdown.on('stop-taking', 'system watch', () => watch.stop());
        watch.start();
        return watch;
      },
    },
  ];
}

/** For tests and other runtimes: a foundation of two ready-made objects. */
export function runtimeOf(jobs: JobDirectory, events: EventSource): RuntimeParts {
  @Module({})
  class GivenRuntimeModule {}
  return {
    name: 'local',
    foundation: {
      module: GivenRuntimeModule,
      providers: [
        { provide: JOB_DIRECTORY, useValue: jobs },
        { provide: EVENT_SOURCE, useValue: events },
      ],
      exports: [JOB_DIRECTORY, EVENT_SOURCE],
    },
    features: [],
  };
}
