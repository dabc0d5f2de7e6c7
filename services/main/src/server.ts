import { bootstrapService } from '@mediajob/service/nest';
import { LocalJobsModule } from './jobs/jobs.module.js';
import { mainService } from './main.service.js';
import { LocalRuntimeModule } from './runtime/local-runtime.module.js';

await bootstrapService(mainService(() => ({ foundation: LocalRuntimeModule, features: [LocalJobsModule] })));
