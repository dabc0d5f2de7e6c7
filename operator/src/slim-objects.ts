import type { CoreEvent, Job } from '@mediajob/kube';
import type { MediaJobObject } from './media-job-kind.js';
import { MAIN_CONTAINER } from './pod-template.js';

/** Variables of a Job's container that are read again. */
const KEPT_VARIABLES = new Set(['MEDIAJOB_REQUEST', 'MEDIAJOB_CHUNKS']);
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** What the operator keeps of a Job: its pod's template is most of it, and was read when it was made. */
export function slimJob(job: Job): Job {
  const { managedFields: _, ...metadata } = job.metadata as Job['metadata'] & { managedFields?: unknown };
  const { template, ...spec } = job.spec;
  const containers = template.spec.containers
    .filter(({ name }) => name === MAIN_CONTAINER)
    .map(({ name, env }) => ({
      name,
      ...(env !== undefined && { env: env.filter((variable) => KEPT_VARIABLES.has(variable.name)) }),
    }));
  return { ...job, metadata, spec: { ...spec, template: { spec: { containers } } } };
}

export function slimMediaJob(object: MediaJobObject): MediaJobObject {
  const {
    managedFields: _,
    annotations,
    ...metadata
  } = object.metadata as MediaJobObject['metadata'] & {
    managedFields?: unknown;
  };
  if (annotations === undefined) return { ...object, metadata };
  const { [LAST_APPLIED]: __, ...kept } = annotations;
  return { ...object, metadata: { ...metadata, annotations: kept } };
}

export function slimEvent(event: CoreEvent): CoreEvent {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = event.metadata;
  const { apiVersion, kind, involvedObject, reason, message, lastTimestamp, eventTime, series } = event;
  return {
    apiVersion,
    kind,
    metadata: { name, uid, resourceVersion, creationTimestamp, ...(namespace !== undefined && { namespace }) },
    involvedObject,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    ...(lastTimestamp != null && { lastTimestamp }),
    ...(eventTime != null && { eventTime }),
    ...(series !== undefined && { series }),
  };
}
