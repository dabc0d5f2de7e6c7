import type { MainEnv } from '@mediajob/contract';
import { SERVICE_CONTEXT, type ServiceContext } from '@mediajob/service/nest';
import { type DynamicModule, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { EVENT_SOURCE, type EventSource } from '../events/event-source.js';
import { JOB_DIRECTORY, type JobDirectory } from '../job-directory.js';
import type { WorkerCalls } from '../system/worker-calls.js';
import { CONVERTERS } from '../tokens.js';
import { MediaProbe } from './media-probe.js';
import { UploadFiles } from './upload-files.js';
import { UploadsController } from './uploads.controller.js';
import { UploadsService } from './uploads.service.js';

@Module({})
class UploadsModule implements OnApplicationBootstrap {
  readonly #service: ServiceContext<MainEnv>;
  readonly #uploads: UploadsService;

  constructor(
    @Inject(SERVICE_CONTEXT) service: ServiceContext<MainEnv>,
    @Inject(UploadsService) uploads: UploadsService,
  ) {
    this.#service = service;
    this.#uploads = uploads;
  }

  /** What the last process left is taken up beside the first requests, not before them. */
  onApplicationBootstrap(): void {
    const { shutdown, logger } = this.#service;
    shutdown.on('stop-taking', 'uploads', () => this.#uploads.stop());
    this.#uploads.recover().catch((error: unknown) => {
      logger.warn({ err: error }, 'uploads of the last start could not be taken up; the next start tries again');
    });
  }
}

/**
 * Resumable uploads. Global: jobs are made of them, and the sweep removes them.
 *
 * @param idleMs a sender that is silent for longer is taken for gone
 */
export function uploadsModule(idleMs: number): DynamicModule {
  return {
    module: UploadsModule,
    global: true,
    controllers: [UploadsController],
    providers: [
      {
        provide: UploadsService,
        inject: [SERVICE_CONTEXT, UploadFiles, JOB_DIRECTORY, EVENT_SOURCE, CONVERTERS],
        useFactory: (
          service: ServiceContext<MainEnv>,
          files: UploadFiles,
          jobs: JobDirectory,
          events: EventSource,
          converters: WorkerCalls,
        ) =>
          new UploadsService(service, files, jobs, events, new MediaProbe(converters), {
            maxBytes: service.env.MEDIAJOB_MAX_UPLOAD_BYTES,
            maxActive: service.env.MEDIAJOB_MAX_UPLOADS,
            reserveBytes: service.env.MEDIAJOB_RESERVE_BYTES,
            ttlMs: service.env.MEDIAJOB_UPLOAD_TTL,
            idleMs,
            now: () => new Date(),
          }),
      },
    ],
    exports: [UploadsService],
  };
}
