import { randomUUID } from 'node:crypto';
import {
  API_VERSION,
  type JobId,
  KIND,
  MediaJob,
  MediaJobSpec,
  type MediaJobSpecInput,
  MediaJobStatus,
  type ServerEvent,
} from '@mediajob/contract';
import { EventBus } from '../../src/events/event-bus.js';
import type { JobFiles } from '../../src/runtime/job-files.js';
import { JobStore } from '../../src/runtime/job-store.js';
import { LocalRuntime, type LocalRuntimeOptions } from '../../src/runtime/local-runtime.js';
import type { Workers } from '../../src/runtime/workers.js';
import { FakeClock } from './fake-clock.js';
import { FakeWorker, type FakeWorkerOptions, FakeWorkers } from './fake-worker.js';
import { MemoryJobFiles } from './memory-job-files.js';

export const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

let made = 0;

export function aJob(clock: { now(): number }, change: Partial<MediaJobSpecInput> = {}): MediaJob {
  made++;
  return MediaJob.parse({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: `job-${made}`,
      uid: randomUUID(),
      creationTimestamp: new Date(clock.now() + made).toISOString(),
      generation: 1,
      resourceVersion: '0',
    },
    spec: MediaJobSpec.parse({
      source: { path: 'uploads/01J00000000000000000000000/source' },
      transcribe: {},
      ...change,
    }),
    status: MediaJobStatus.parse({}),
  });
}

/** One life of main: its store and its runtime over a disk and workers that outlive it. */
export class Main<Files extends JobFiles = JobFiles> {
  readonly files: Files;
  readonly store: JobStore;
  readonly runtime: LocalRuntime;
  readonly events: ServerEvent[] = [];
  readonly told: string[] = [];

  constructor(
    files: Files,
    workers: Workers,
    clock: LocalRuntimeOptions['clock'],
    options: Partial<LocalRuntimeOptions> = {},
  ) {
    this.files = files;
    const bus = new EventBus();
    bus.subscribe(({ event }) => this.events.push(event));
    this.store = new JobStore(files, {
      clock,
      log: quiet,
      onChanged: (job) => bus.publish({ type: 'job', job }),
      onRemoved: (id) => bus.publish({ type: 'job-deleted', id }),
    });
    this.runtime = new LocalRuntime(this.store, files, workers, {
      clock,
      log: quiet,
      policy: { chunkTargetMs: 300_000, chunksPerShard: 2, maxDurationMs: 86_400_000 },
      onEvents: (_, events) => this.told.push(...events.map((event) => event.reason)),
      ...options,
    });
  }

  async start(): Promise<this> {
    await this.store.load();
    this.runtime.start();
    return this;
  }

  phase(id: JobId): string | undefined {
    return this.store.get(id)?.status.phase;
  }

  queued(id: JobId) {
    return this.store.get(id)?.status.conditions.find((it) => it.type === 'Queued');
  }
}

/** A world in memory with time of its own: one converter, one transcriber, and main. */
export async function aWorld(options: { converter?: FakeWorkerOptions; transcriber?: FakeWorkerOptions } = {}) {
  const clock = new FakeClock();
  const workers = new FakeWorkers();
  const converter = new FakeWorker(options.converter);
  const transcriber = new FakeWorker(options.transcriber);
  const addresses = {
    converter: workers.add('converter', 'converter:8002', converter),
    transcriber: workers.add('transcriber', 'transcriber:8001', transcriber),
  };
  const files = new MemoryJobFiles();
  const main = await new Main(files, workers, clock).start();
  return { clock, workers, converter, transcriber, addresses, files, main };
}
