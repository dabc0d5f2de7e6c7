import { rigSettings } from '../cluster/rig/rig-settings.ts';
import type { Release } from './release.ts';

export const GPU = 'nvidia.com/gpu';

/** Makes the rig's node offer GPUs, as a device plugin would: the kubelet keeps what it finds. `null`: none any more. */
export async function offerGpus({ cluster }: Release, count: string | null): Promise<void> {
  const capacity = { [GPU]: count };
  await cluster.client.patch(`/api/v1/nodes/${rigSettings().nodeName}/status`, {
    status: { capacity, allocatable: capacity },
  });
}

/** Whose Jobs transcribe with one, and are as small as everything else here. */
export const GPU_PROFILE = {
  transcribe: { resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '2Gi', [GPU]: '1' } } },
};
