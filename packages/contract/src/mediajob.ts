import { z } from 'zod';
import { JobId, JobName } from './ids.js';
import { MediaJobSpec } from './spec.js';
import { MediaJobStatus } from './status.js';

export const API_GROUP = 'mediajob.io';
export const API_VERSION = 'mediajob.io/v1alpha1';
export const KIND = 'MediaJob';

/** Annotations we read or write. */
export const Annotation = {
  /** What the person calls it. */
  title: 'mediajob.io/title',
  /** Name of the file on the person's own machine: data, never a path. */
  fileName: 'mediajob.io/file-name',
  /** A new value starts a new attempt of a finished job. */
  retry: 'mediajob.io/retry',
  /** W3C traceparent of the request that created the job. */
  traceparent: 'mediajob.io/traceparent',
  /** "true": the operator does nothing about the job but say so (Kubernetes only). */
  pause: 'mediajob.io/pause',
  /** "true": deleting the job leaves its files on the volume (Kubernetes only). */
  keepFiles: 'mediajob.io/keep-files',
  /** JSON of what shapes the job's plan, fixed when the operator takes it up (Kubernetes only). */
  plan: 'mediajob.io/plan',
} as const;

export const Metadata = z.strictObject({
  name: JobName,
  uid: JobId,
  creationTimestamp: z.iso.datetime(),
  deletionTimestamp: z.iso.datetime().optional(),
  generation: z.int().min(1),
  resourceVersion: z.string().max(64),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string().max(253), z.string().max(1024)).optional(),
});
export type Metadata = z.infer<typeof Metadata>;

export const MediaJob = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(KIND),
  metadata: Metadata,
  spec: MediaJobSpec,
  status: MediaJobStatus,
});
export type MediaJob = z.infer<typeof MediaJob>;
