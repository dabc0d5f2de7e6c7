import { ConfigMaps, Namespaces, Nodes, PersistentVolumeClaims, Secrets } from '../../src/kinds/core.js';
import { Events } from '../../src/kinds/event.js';
import { Jobs } from '../../src/kinds/job.js';
import { Leases } from '../../src/kinds/lease.js';
import { type Pod, Pods } from '../../src/kinds/pod.js';
import type { KubeObject } from '../../src/object.js';
import type { MemoryServer } from './server.js';

const conditions = { 'status.conditions': ['type'] };

/** The kinds of the server itself that this project uses, as they behave there. */
export function registerBuiltInKinds(server: MemoryServer): MemoryServer {
  return server
    .register(ConfigMaps)
    .register(Secrets, { selectable: ['type'] })
    .register(Namespaces, { status: true, generation: false, selectable: ['status.phase'] })
    .register(Nodes, { status: true, generation: false, selectable: ['spec.unschedulable'], listKeys: conditions })
    .register(PersistentVolumeClaims, { status: true, generation: false, listKeys: conditions })
    .register(Leases)
    .register(Events, {
      selectable: ['reason', 'type', 'regarding.kind', 'regarding.name', 'regarding.namespace', 'regarding.uid'],
    })
    .register(Jobs, { status: true, selectable: ['status.successful'] })
    .register(Pods, {
      status: true,
      selectable: [
        'spec.nodeName',
        'spec.restartPolicy',
        'spec.schedulerName',
        'spec.serviceAccountName',
        'status.phase',
      ],
      listKeys: conditions,
      gracePeriodSeconds: podGracePeriod,
    });
}

/** A pod that was never given to a node, or has ended, is gone at once. */
function podGracePeriod(object: KubeObject): number {
  const { spec, status } = object as Pod;
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return (spec.nodeName ?? '') === '' || ended ? 0 : (spec.terminationGracePeriodSeconds ?? 30);
}
