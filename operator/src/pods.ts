import type { ContainerStatus, Pod, PodCondition } from '@mediajob/kube';
import { COMPLETION_INDEX, Label } from './labels.js';
import { MAIN_CONTAINER, PREPARE_CONTAINER } from './pod-template.js';

export function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

export function conditionOf({ status }: Pod, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Taken away by the platform: preempted, drained, evicted for want of memory or disk on the node. */
export function isDisrupted(pod: Pod): boolean {
  return conditionOf(pod, 'DisruptionTarget')?.status === 'True';
}

export function mainStatus({ status }: Pod): ContainerStatus | undefined {
  return status?.containerStatuses?.find(({ name }) => name === MAIN_CONTAINER);
}

export function prepareStatus({ status }: Pod): ContainerStatus | undefined {
  return status?.initContainerStatuses?.find(({ name }) => name === PREPARE_CONTAINER);
}

/** When a pod that is being deleted should have been gone at the latest, in ms of the epoch. */
export type GoneBy = (pod: Pod) => number | undefined;

/** @param since when it was first seen that a pod is being deleted */
export function goneByGrace(since: (pod: Pod) => number): GoneBy {
  return (pod) => {
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = pod.metadata;
    return deletionTimestamp === undefined ? undefined : since(pod) + deletionGracePeriodSeconds * 1000;
  };
}

/** Shard of a pod of an Indexed Job, or of a Job for one shard. */
export function shardOf({ metadata }: Pod): number {
  const text = metadata.annotations?.[COMPLETION_INDEX] ?? metadata.labels?.[COMPLETION_INDEX];
  return Number(text ?? metadata.labels?.[Label.shard] ?? 0);
}

/** The youngest first. */
export function byAge(a: Pod, b: Pod): number {
  const [first, second] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return first < second ? 1 : first > second ? -1 : a.metadata.name < b.metadata.name ? 1 : -1;
}

/** What the operator keeps of a pod: thousands of them are in memory at once. */
export function slimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = pod.metadata;
  const { deletionTimestamp, deletionGracePeriodSeconds, labels, annotations, ownerReferences } = pod.metadata;
  const index = annotations?.[COMPLETION_INDEX];
  const { nodeName, containers } = pod.spec;
  return {
    apiVersion: pod.apiVersion,
    kind: pod.kind,
    metadata: {
      name,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(namespace !== undefined && { namespace }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
      ...(deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds }),
      ...(labels !== undefined && { labels }),
      ...(index !== undefined && { annotations: { [COMPLETION_INDEX]: index } }),
      ...(ownerReferences !== undefined && { ownerReferences }),
    },
    spec: {
      containers: containers.map((container) => ({
        name: container.name,
        ...(container.image !== undefined && { image: container.image }),
      })),
      ...(nodeName !== undefined && { nodeName }),
    },
    ...(pod.status !== undefined && { status: pod.status }),
  };
}
