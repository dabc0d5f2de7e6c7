import { Workloads } from '@mediajob/kube';

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** What Kueue's own definition of a Workload has of the fields that are read and written. */
export const workloadDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `${Workloads.plural}.${Workloads.group}`,
    annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' },
  },
  spec: {
    group: Workloads.group,
    scope: 'Namespaced',
    names: { kind: Workloads.kind, plural: Workloads.plural, singular: 'workload' },
    versions: [
      {
        name: Workloads.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: anything, status: anything } } },
      },
    ],
  },
};
