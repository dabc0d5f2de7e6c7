import type { MainEnv } from '@mediajob/contract';
import { SERVICE_CONTEXT, type ServiceContext } from '@mediajob/service/nest';
import type { Volume } from '@mediajob/storage';
import type { Provider } from '@nestjs/common';
import { EVENT_SOURCE, type EventSource } from '../events/event-source.js';
import { JOB_DIRECTORY, type JobDirectory } from '../job-directory.js';
import { JOBS, type Jobs } from '../jobs/jobs.js';
import { JobsService } from '../jobs/jobs.service.js';
import { JobOutputs } from '../outputs/job-outputs.js';
import { Catalog } from '../system/catalog.js';
import type { WorkerCalls } from '../system/worker-calls.js';
import { TRANSCRIBERS, VOLUME } from '../tokens.js';
import { TranscriptsService } from '../transcripts/transcripts.service.js';
import { UploadsService } from '../uploads/uploads.service.js';
import { AsrController } from './asr.controller.js';
import { OpenAiController } from './openai.controller.js';
import { SpeechJobs } from './speech-jobs.js';

export const speechApiControllers = [OpenAiController, AsrController];

/** What the APIs of other systems' clients stand on, beside jobs and uploads. */
export const speechApiProviders: Provider[] = [
  { provide: Catalog, inject: [TRANSCRIBERS], useFactory: (transcribers: WorkerCalls) => new Catalog(transcribers) },
  {
    provide: SpeechJobs,
    inject: [SERVICE_CONTEXT, UploadsService, JobsService, JOBS, EVENT_SOURCE, VOLUME, JOB_DIRECTORY, Catalog],
    useFactory: (
      { env, audit }: ServiceContext<MainEnv>,
      uploads: UploadsService,
      jobs: JobsService,
      runtime: Jobs,
      events: EventSource,
      volume: Volume,
      directory: JobDirectory,
      catalog: Catalog,
    ) =>
      new SpeechJobs({
        ...{ uploads, jobs, runtime, events, catalog, audit },
        transcripts: new TranscriptsService(volume, new JobOutputs(volume, directory)),
        resultTtlMs: env.MEDIAJOB_API_RESULT_TTL,
      }),
  },
];
