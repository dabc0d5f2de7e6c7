import { Module } from '@nestjs/common';
import { JobStore } from '../runtime/job-store.js';
import { LocalRuntime } from '../runtime/local-runtime.js';
import { Catalog } from '../system/catalog.js';
import type { WorkerCalls } from '../system/worker-calls.js';
import { TRANSCRIBERS } from '../tokens.js';
import { UploadsService } from '../uploads/uploads.service.js';
import { JobsController } from './jobs.controller.js';
import { JobsService } from './jobs.service.js';

/** The jobs API, over the local runtime (LocalRuntimeModule) and uploads, both global. */
@Module({
  controllers: [JobsController],
  providers: [
    {
      provide: JobsService,
      inject: [JobStore, LocalRuntime, UploadsService, TRANSCRIBERS],
      useFactory: (store: JobStore, runtime: LocalRuntime, uploads: UploadsService, transcribers: WorkerCalls) =>
        new JobsService(store, runtime, uploads, new Catalog(transcribers), { now: () => new Date() }),
    },
  ],
  exports: [JobsService],
})
export class JobsModule {}
