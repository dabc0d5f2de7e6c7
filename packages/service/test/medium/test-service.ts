import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConverterEnv, type StepRequest, type StepResult } from '@mediajob/contract';
import type { DynamicModule } from '@nestjs/common';
import type { HealthCheck, TaskRun } from '../../src/index.js';
import {
  HealthModule,
  type RunningService,
  type ServiceContext,
  type ServiceOptions,
  startService,
  TasksModule,
} from '../../src/nest/index.js';

class TestModule {}

export const JOB_ID = '0f3c9a52-1111-4222-8333-444455556666';

export function cleanupRequest(runId = 'talk-cleanup-0-1'): StepRequest {
  return { stage: 'cleanup', jobId: JOB_ID, runId };
}

export const cleaned: StepResult = { stage: 'cleanup', removed: 2 };

export interface TestService {
  service: RunningService<ConverterEnv>;
  url: string;
  /** All log lines so far, parsed. */
  lines: Record<string, unknown>[];
  dataDir: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  put(id: string, body: unknown): Promise<Response>;
  metrics(): Promise<string>;
}

const running: { service: RunningService<ConverterEnv>; dataDir: string }[] = [];

/** A real service on free ports with a data folder of its own. */
export async function aService(
  options: {
    run?: TaskRun;
    checks?: HealthCheck[];
    environment?: Record<string, string>;
    concurrency?: number;
    modules?: (context: ServiceContext<ConverterEnv>) => DynamicModule['imports'];
    configure?: ServiceOptions<ConverterEnv>['configure'];
  } = {},
): Promise<TestService> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mediajob-service-'));
  const lines: Record<string, unknown>[] = [];
  const service = await startService<ConverterEnv>({
    name: 'converter',
    version: '0.0.0-test',
    description: 'A service under test.',
    env: ConverterEnv,
    environment: {
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_DATA_DIR: dataDir,
      MEDIAJOB_LOG_LEVEL: 'debug',
      MEDIAJOB_SHUTDOWN_GRACE: '5s',
      ...options.environment,
    },
    processMetrics: false,
    stdout: { write: (line) => lines.push(JSON.parse(line)) },
    ...(options.configure === undefined ? {} : { configure: options.configure }),
    module: (context) => ({
      module: TestModule,
      imports: [
        HealthModule.forRoot({ checks: options.checks ?? [] }),
        TasksModule.forRoot({
          stages: ['cleanup'],
          concurrency: options.concurrency ?? 1,
          run: options.run ?? (async () => cleaned),
        }),
        ...(options.modules?.(context) ?? []),
      ],
    }),
  });
  running.push({ service, dataDir });
  const url = `http://127.0.0.1:${service.port}`;
  const call = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init);
  return {
    service,
    url,
    lines,
    dataDir,
    fetch: call,
    put: (id, body) =>
      call(`/v1/tasks/${id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    metrics: async () => (await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`)).text(),
  };
}

/** Ends what a test has started. */
export async function endServices(): Promise<void> {
  for (const { service, dataDir } of running.splice(0)) {
    await service.stop('test is over');
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** A run that ends when the test says so, or when it is aborted. */
export function aHeldRun(): { run: TaskRun; release(): void; started: Promise<void>; aborted: () => boolean } {
  let release = () => {};
  let begin = () => {};
  let aborted = false;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const started = new Promise<void>((resolve) => {
    begin = resolve;
  });
  return {
    started,
    release: () => release(),
    aborted: () => aborted,
    run: async (_request, { signal }) => {
      begin();
      await new Promise<void>((resolve, reject) => {
        void held.then(resolve);
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(signal.reason as Error);
        });
      });
      return cleaned;
    },
  };
}
