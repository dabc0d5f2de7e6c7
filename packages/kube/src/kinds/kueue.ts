import { type Kind, kind } from '../kind.js';
import type { KubeObject } from '../object.js';
import type { Condition } from './condition.js';

/** Kueue’s side of a Job that has a queue label: the fields that tell why it waits, and the one that lets it run. */
export interface Workload extends KubeObject {
  readonly spec: {
    /** False: Kueue stops the Job and does not let it in again. */
    readonly active?: boolean;
    readonly queueName?: string;
    readonly priority?: number;
    readonly priorityClassName?: string;
    readonly podSets?: readonly { readonly name: string; readonly count: number }[];
  };
  readonly status?: {
    /** Types among others: QuotaReserved, Admitted, PodsReady, Evicted, Finished. */
    readonly conditions?: readonly Condition[];
    readonly admission?: { readonly clusterQueue: string };
    readonly requeueState?: { readonly count?: number; readonly requeueAt?: string };
  };
}

export const Workloads: Kind<Workload> = kind({
  group: 'kueue.x-k8s.io',
  version: 'v1beta1',
  kind: 'Workload',
  plural: 'workloads',
  namespaced: true,
});
