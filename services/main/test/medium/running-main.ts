import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { MainEnv } from '@mediajob/contract';
import { type RunningService, startService } from '@mediajob/service/nest';
import { runtimeOf, TUNING } from '../../src/app.module.js';
import { EventBus } from '../../src/events/event-bus.js';
import { mainService } from '../../src/main.service.js';
import { GivenJobs } from './given-jobs.js';

export interface RunningMain extends AsyncDisposable {
  readonly service: RunningService<MainEnv>;
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly jobs: GivenJobs;
  readonly events: EventBus;
  /** Parsed log lines so far. */
  readonly logs: Record<string, unknown>[];
  /** Value of a metric, summed over its labels that match. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
}

/** main in this process, on a real port and a real disk, over jobs that the test gives. Nobody answers for the workers unless `environment` says so. */
export async function startMain(
  environment: Record<string, string> = {},
  options: { dataDir?: string; jobs?: GivenJobs; uploadIdleMs?: number } = {},
): Promise<RunningMain> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'mediajob-main-')));
  const jobs = options.jobs ?? new GivenJobs();
  const events = new EventBus();
  const logs: Record<string, unknown>[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString('utf8').split('\n').filter(Boolean)) logs.push(JSON.parse(line));
      done();
    },
  });
  const service = await startService({
    ...mainService(() => runtimeOf(jobs, events), {
      ...TUNING,
      uploadIdleMs: options.uploadIdleMs ?? TUNING.uploadIdleMs,
    }),
    stdout,
    processMetrics: false,
    environment: {
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_DATA_DIR: dataDir,
      MEDIAJOB_LOG_FILES: 'false',
      MEDIAJOB_RESERVE_BYTES: '0',
      MEDIAJOB_CONVERTER_URLS: 'http://127.0.0.1:9',
      MEDIAJOB_TRANSCRIBER_URLS: 'http://127.0.0.1:9',
      MEDIAJOB_SHUTDOWN_GRACE: '4s',
      ...environment,
    },
  });
  return {
    service,
    url: `http://127.0.0.1:${service.port}`,
    port: service.port,
    dataDir,
    jobs,
    events,
    logs,
    async metric(name, labels = {}) {
      const [found] = (await service.context.metrics.registry.getMetricsAsJSON()).filter((it) => it.name === name);
      const values = (found?.values ?? []) as { value: number; labels: Record<string, string> }[];
      return values
        .filter((it) => Object.entries(labels).every(([key, value]) => it.labels[key] === value))
        .reduce((sum, it) => sum + it.value, 0);
    },
    async [Symbol.asyncDispose]() {
      await service.stop('test');
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
