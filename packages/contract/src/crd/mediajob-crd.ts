import { z } from 'zod';
import { API_GROUP, API_VERSION, KIND } from '../mediajob.js';
import { MediaJobSpec } from '../spec.js';
import { MediaJobStatus } from '../status.js';
import { MEDIAJOB_EXTENSIONS } from './rules.js';
import { type StructuralSchema, structuralSchema } from './structural.js';

export const PLURAL = 'mediajobs';
export const CRD_NAME = `${PLURAL}.${API_GROUP}`;

/** What people write and see; metadata is Kubernetes' own. */
const MediaJobResource = z
  .strictObject({ spec: MediaJobSpec, status: MediaJobStatus.optional() })
  .describe(
    'A MediaJob makes of one media file what is asked for: converted audio and video, a transcript with word times, subtitles. The finished files lie below outputs/<uid>/ on the media volume; deleting the MediaJob removes them.',
  );

interface Column {
  readonly name: string;
  readonly type: 'string' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with -o wide. */
  readonly priority?: 1;
}

/** kubectl prints raw values, so the status carries text for people. */
const COLUMNS: readonly Column[] = [
  { name: 'Phase', type: 'string', jsonPath: '.status.phase', description: 'Where the job is.' },
  { name: 'Progress', type: 'string', jsonPath: '.status.progress.text', description: 'Work done.' },
  { name: 'Model', type: 'string', jsonPath: '.spec.transcribe.model', description: 'Model that transcribes.' },
  { name: 'Language', type: 'string', jsonPath: '.status.language', description: 'Language of the transcript.' },
  { name: 'Duration', type: 'string', jsonPath: '.status.durationText', description: 'Length of the media.' },
  { name: 'ETA', type: 'string', jsonPath: '.status.progress.etaText', description: 'Time that is left.', priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since it was made.' },
  {
    name: 'Message',
    type: 'string',
    jsonPath: '.status.message',
    description: 'What the job waits for, or why it ended.',
    priority: 1,
  },
];

/** The schema of the whole object. */
export function mediaJobSchema(): StructuralSchema {
  const { type, description, properties, required, ...rest } = structuralSchema(MediaJobResource, MEDIAJOB_EXTENSIONS);
  return {
    type,
    ...(description !== undefined && { description }),
    ...(required !== undefined && { required }),
    properties: {
      apiVersion: { type: 'string', description: `${API_VERSION}.` },
      kind: { type: 'string', description: `${KIND}.` },
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      ...properties,
    },
    ...rest,
  };
}

/** The CustomResourceDefinition of MediaJob: apiextensions.k8s.io/v1, for a cluster of 1.31 or newer. */
export function mediaJobCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: CRD_NAME,
      labels: { 'app.kubernetes.io/name': 'mediajob', 'app.kubernetes.io/part-of': 'mediajob' },
    },
    spec: {
      group: API_GROUP,
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: 'mediajob',
        shortNames: ['mj'],
        categories: ['media'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: API_VERSION.slice(API_GROUP.length + 1),
          served: true,
          storage: true,
          additionalPrinterColumns: COLUMNS,
          selectableFields: [{ jsonPath: '.spec.profile' }, { jsonPath: '.status.phase' }],
          subresources: { status: {} },
          schema: { openAPIV3Schema: mediaJobSchema() },
        },
      ],
    },
  };
}
