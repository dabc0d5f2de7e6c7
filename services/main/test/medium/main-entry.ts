import { bootstrapService } from '@mediajob/service/nest';
import { runtimeOf } from '../../src/app.module.js';
import { EventBus } from '../../src/events/event-bus.js';
import { mainService } from '../../src/main.service.js';
import { GivenJobs } from './given-jobs.js';

// main as a process of its own, without jobs: for tests that kill it or measure it.
await bootstrapService(mainService(() => runtimeOf(new GivenJobs(), new EventBus())));
