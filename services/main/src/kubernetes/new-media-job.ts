import { API_VERSION, KIND, type MediaJobSpec } from '@mediajob/contract';
import type { Draft } from '@mediajob/kube';
import { Label, MANAGER, type MediaJobObject } from './media-job-kind.js';

/** What is sent to make a job. */
export function newMediaJob(
  namespace: string,
  request: string,
  job: {
    readonly name: string;
    readonly annotations: Readonly<Record<string, string>>;
    readonly spec: MediaJobSpec;
  },
): Draft<MediaJobObject> {
  const { name, annotations, spec } = job;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name,
      namespace,
      labels: { [Label.managedBy]: MANAGER, [Label.request]: request },
      annotations: { ...annotations },
    },
    spec,
  };
}
