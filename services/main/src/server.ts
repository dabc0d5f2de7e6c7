import { bootstrapService } from '@mediajob/service/nest';
import { kubernetesRuntime } from './kubernetes/kubernetes-runtime.module.js';
import { mainService } from './main.service.js';
import { localRuntimeParts } from './runtime/local-runtime-parts.js';

await bootstrapService(
  mainService((service) =>
    service.env.MEDIAJOB_RUNTIME === 'kubernetes' ? kubernetesRuntime(service) : localRuntimeParts,
  ),
);
