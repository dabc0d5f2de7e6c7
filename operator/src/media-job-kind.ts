import { API_GROUP, API_VERSION, KIND } from '@mediajob/contract';
import { type Kind, type KubeObject, kind } from '@mediajob/kube';

/** A MediaJob as the API server sends it: what is in it is judged by the contract’s `readMediaJob` alone. */
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
