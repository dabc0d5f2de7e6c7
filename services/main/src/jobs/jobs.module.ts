import { type DynamicModule, Module, type Provider } from '@nestjs/common';
import { speechApiControllers, speechApiProviders } from '../speech-api/speech-api.js';
import { Catalog } from '../system/catalog.js';
import type { WorkerCalls } from '../system/worker-calls.js';
import { TRANSCRIBERS } from '../tokens.js';
import { UploadsService } from '../uploads/uploads.service.js';
import { JobIntake } from './job-intake.js';
import { JobsController } from './jobs.controller.js';
import { JOBS, type Jobs } from './jobs.js';
import { JobsService } from './jobs.service.js';

@Module({})
class JobsModule {}

/** The jobs API, and those of other systems' clients, over jobs of a runtime (JOBS) and over uploads, which are global. */
export function jobsModule(jobs: Provider): DynamicModule {
  return {
    module: JobsModule,
    controllers: [JobsController, ...speechApiControllers],
    providers: [
      jobs,
      {
        provide: JobIntake,
        inject: [UploadsService, TRANSCRIBERS],
        useFactory: (uploads: UploadsService, transcribers: WorkerCalls) =>
          new JobIntake(uploads, new Catalog(transcribers)),
      },
      {
        provide: JobsService,
        inject: [JOBS, JobIntake],
        useFactory: (of: Jobs, intake: JobIntake) => new JobsService(of, intake),
      },
      ...speechApiProviders,
    ],
    exports: [JobsService],
  };
}
