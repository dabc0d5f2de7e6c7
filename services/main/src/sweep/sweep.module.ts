import type { MainEnv } from '@mediajob/contract';
import { SERVICE_CONTEXT, type ServiceContext } from '@mediajob/service/nest';
import type { Volume } from '@mediajob/storage';
import { Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { JOB_DIRECTORY, type JobDirectory } from '../job-directory.js';
import { VOLUME } from '../tokens.js';
import { UploadsService } from '../uploads/uploads.service.js';
import { Sweeper } from './sweeper.js';

@Module({
  providers: [
    {
      provide: Sweeper,
      inject: [SERVICE_CONTEXT, VOLUME, UploadsService, JOB_DIRECTORY],
      useFactory: (service: ServiceContext<MainEnv>, volume: Volume, uploads: UploadsService, jobs: JobDirectory) =>
        new Sweeper(service, volume, uploads, jobs),
    },
  ],
})
export class SweepModule implements OnApplicationBootstrap {
  readonly #service: ServiceContext<MainEnv>;
  readonly #sweeper: Sweeper;

  constructor(@Inject(SERVICE_CONTEXT) service: ServiceContext<MainEnv>, @Inject(Sweeper) sweeper: Sweeper) {
    this.#service = service;
    this.#sweeper = sweeper;
  }

  /** By now the runtime has read all jobs: nothing is taken for an orphan because its job is not known yet. */
  onApplicationBootstrap(): void {
    this.#sweeper.start();
    this.#service.shutdown.on('stop-children', 'sweeper', () => this.#sweeper.stop());
  }
}
