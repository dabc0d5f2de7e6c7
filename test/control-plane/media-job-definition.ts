import { MediaJobs } from '../../operator/src/media-job-kind.ts';

const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;
const map = (key: string) =>
  ({
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    items: { ...anything, required: [key], properties: { [key]: { type: 'string' } } },
  }) as const;

/** MediaJob with what the writers of its status rely on: lists that are maps. */
export const mediaJobDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${MediaJobs.plural}.${MediaJobs.group}` },
  spec: {
    group: MediaJobs.group,
    scope: 'Namespaced',
    names: { kind: MediaJobs.kind, plural: MediaJobs.plural, singular: 'mediajob', shortNames: ['mj'] },
    versions: [
      {
        name: MediaJobs.version,
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: anything,
              status: {
                ...anything,
                properties: {
                  stages: map('name'),
                  conditions: map('type'),
                  outputs: map('name'),
                  attempts: { type: 'array', 'x-kubernetes-list-type': 'atomic', items: anything },
                },
              },
            },
          },
        },
      },
    ],
  },
};
