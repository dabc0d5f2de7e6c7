import type { RuntimeParts } from '../app.module.js';
import { JOBS } from '../jobs/jobs.js';
import { jobsModule } from '../jobs/jobs.module.js';
import { JobStore } from './job-store.js';
import { LocalJobs } from './local-jobs.js';
import { LocalRuntime } from './local-runtime.js';
import { LocalRuntimeModule } from './local-runtime.module.js';

/** Jobs without a cluster. */
export const localRuntimeParts: RuntimeParts = {
  name: 'local',
  foundation: LocalRuntimeModule,
  features: [
    jobsModule({
      provide: JOBS,
      inject: [JobStore, LocalRuntime],
      useFactory: (store: JobStore, runtime: LocalRuntime) => new LocalJobs(store, runtime, () => new Date()),
    }),
  ],
};
