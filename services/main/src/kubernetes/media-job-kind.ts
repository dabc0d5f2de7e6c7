import { API_GROUP, API_VERSION, KIND } from '@mediajob/contract';
import { type Kind, type KubeObject, kind } from '@mediajob/kube';

/** A MediaJob as the API server sends it. */
export interface MediaJobObject extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

export const MediaJobs: Kind<MediaJobObject> = kind({
  group: API_GROUP,
  version: API_VERSION.slice(API_GROUP.length + 1),
  kind: KIND,
  plural: 'mediajobs',
  namespaced: true,
});

/** Labels of the MediaJobs that main makes. */
export const Label = {
  managedBy: 'app.kubernetes.io/managed-by',
  /**
   * One value for each wish to make a job, however often it is sent: a job that has it is that wish come true. It is
   * also the id that a job has while it waits for the cluster.
   */
  request: `${API_GROUP}/request`,
} as const;

export const MANAGER = 'mediajob-main';

export function requestOf(object: MediaJobObject): string | undefined {
  return object.metadata.labels?.[Label.request];
}

export function isBeingDeleted({ metadata }: MediaJobObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}
