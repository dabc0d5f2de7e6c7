import type { MainEnv } from '@mediajob/contract';
import type { ServiceContext } from '@mediajob/service/nest';
import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import type { RuntimeParts } from '../app.module.js';
import { EVENT_SOURCE } from '../events/event-source.js';
import { JOB_DIRECTORY } from '../job-directory.js';
import { JOBS } from '../jobs/jobs.js';
import { jobsModule } from '../jobs/jobs.module.js';
import { clusterCheck, clusterStatus } from './cluster-health.js';
import { type ClusterAccess, clusterAccess, KubernetesRuntime } from './kubernetes-runtime.js';

/** Jobs of a cluster, run by the operator. @throws ConfigError when there is no cluster to talk to */
export async function kubernetesRuntime(
  service: ServiceContext<MainEnv>,
  access?: ClusterAccess,
): Promise<RuntimeParts> {
  const runtime = new KubernetesRuntime(service, access ?? (await clusterAccess(service)));
  // First the last requests, then what they may need.
  service.shutdown.on('flush', 'kubernetes runtime', () => runtime.stop());
  return {
    name: 'kubernetes',
    foundation: foundation(runtime),
    features: [jobsModule({ provide: JOBS, useValue: runtime.cluster.jobs })],
    checks: [clusterCheck(runtime.cluster)],
    cluster: () => clusterStatus(runtime.cluster),
  };
}

function foundation(runtime: KubernetesRuntime): DynamicModule {
  @Module({})
  class KubernetesRuntimeModule implements OnModuleInit {
    onModuleInit(): Promise<void> {
      return runtime.start();
    }
  }
  return {
    module: KubernetesRuntimeModule,
    providers: [
      { provide: EVENT_SOURCE, useValue: runtime.events },
      { provide: JOB_DIRECTORY, useValue: runtime.cluster.directory },
    ],
    exports: [EVENT_SOURCE, JOB_DIRECTORY],
  };
}
