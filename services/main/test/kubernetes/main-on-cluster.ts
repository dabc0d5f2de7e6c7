import { Writable } from 'node:stream';
import type { MainEnv } from '@mediajob/contract';
import { type RunningService, startService } from '@mediajob/service/nest';
import { clusterAccess } from '../../src/kubernetes/kubernetes-runtime.js';
import { kubernetesRuntime } from '../../src/kubernetes/kubernetes-runtime.module.js';
import { mainService } from '../../src/main.service.js';
import type { FakeApiServer } from './fake-api-server.js';

export interface MainOnCluster {
  readonly service: RunningService<MainEnv>;
  readonly url: string;
  readonly logs: Record<string, unknown>[];
  stop(): Promise<void>;
}

/** main in this process, over an API server; nobody answers for the workers unless `environment` says so. */
export async function startMainOnCluster(
  dataDir: string,
  api: Pick<FakeApiServer, 'access'>,
  environment: Record<string, string> = {},
): Promise<MainOnCluster> {
  const logs: Record<string, unknown>[] = [];
  const service = await startService({
    ...mainService(async (context) => kubernetesRuntime(context, await clusterAccess(context, api.access))),
    stdout: new Writable({
      write(chunk: Buffer, _encoding, done) {
        for (const line of chunk.toString('utf8').split('\n').filter(Boolean)) logs.push(JSON.parse(line));
        done();
      },
    }),
    processMetrics: false,
    environment: {
      MEDIAJOB_RUNTIME: 'kubernetes',
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
  return { service, url: `http://127.0.0.1:${service.port}`, logs, stop: () => service.stop('test') };
}
