import { createHash } from 'node:crypto';
import {
  Annotation,
  API_VERSION,
  KIND,
  type MediaJob,
  type PodProfile,
  type RunKey,
  type StepRequest,
} from '@mediajob/contract';
import { type Draft, type Job, Jobs, type PodFailurePolicyRule, type PodTemplateSpec } from '@mediajob/kube';
import type { Tally } from '@mediajob/pipeline';
import { DEADLINE_GRACE_S } from './deadline.js';
import type { JobConfig } from './job-config.js';
import { jobName } from './job-name.js';
import { kueueMetadata } from './kueue-labels.js';
import { JobAnnotation, runLabels } from './labels.js';
import type { MediaJobObject } from './media-job-kind.js';
import { PROGRESS_CA, podSpec } from './pod-template.js';

export interface JobInput {
  readonly job: MediaJob;
  /** The same as it was read; labels, annotations and namespace are there only. */
  readonly object: MediaJobObject;
  /** With `indexed`, that of shard 0. */
  readonly key: RunKey;
  readonly request: StepRequest;
  readonly tally: Tally;
  readonly indexed?: { readonly shards: number; readonly chunks: number; readonly parallelism: number };
  readonly profile: PodProfile;
  readonly config: JobConfig;
  /** Time left until the deadline of the attempt, in ms. */
  readonly leftMs?: number;
}

/**
 * The Job of a run; POSTed once, never changed. It never tries again by itself: what a failure means is for `decide()`
 * to say. Only a pod that was taken away (preemption, a drained node) is replaced by the Job controller: that is no
 * failure of ours, so its rule comes first.
 */
export function jobTemplate(input: JobInput): Draft<Job> {
  const { job, object, key, tally, indexed, config, leftMs } = input;
  const { name, uid } = job.metadata;
  const { namespace = '' } = object.metadata;
  const cleanup = key.stage === 'cleanup';
  const { shard, ...shared } = key;
  const labels = runLabels({ name, uid }, indexed === undefined ? { ...shared, shard } : shared);
  const kueue = kueueMetadata(job.spec, key.stage, object.metadata);
  const template: PodTemplateSpec = {
    metadata: {
      labels,
      ...(Object.keys(kueue.podAnnotations).length > 0 && { annotations: kueue.podAnnotations }),
    },
    spec: podSpec({
      spec: job.spec,
      request: input.request,
      ...(indexed !== undefined && { indexed }),
      profile: input.profile,
      memoryFactor: tally.memoryFactor,
      avoidNodes: tally.avoidNodes,
      config,
      queued: Object.keys(kueue.jobLabels).length > 0,
      ...traceOf(job),
    }),
  };
  return {
    apiVersion: Jobs.apiVersion,
    kind: Jobs.kind,
    metadata: {
      name: jobName({ name, uid }, key),
      namespace,
      labels: { ...labels, ...kueue.jobLabels },
      annotations: {
        [JobAnnotation.tally]: JSON.stringify(tally),
        [JobAnnotation.templateHash]: templateHash(template),
      },
      // Cleanup outlives its MediaJob.
      ...(!cleanup && {
        ownerReferences: [{ apiVersion: API_VERSION, kind: KIND, name, uid, controller: true }],
      }),
    },
    spec: {
      ...(indexed === undefined
        ? { completions: 1, parallelism: 1, backoffLimit: 0 }
        : {
            completionMode: 'Indexed',
            completions: indexed.shards,
            parallelism: Math.min(indexed.parallelism, indexed.shards),
            backoffLimitPerIndex: 0,
          }),
      podReplacementPolicy: 'Failed',
      podFailurePolicy: { rules: failureRules(indexed !== undefined) },
      ...(leftMs !== undefined && {
        activeDeadlineSeconds: Math.max(1, Math.ceil(leftMs / 1000)) + DEADLINE_GRACE_S,
      }),
      ...(cleanup && { ttlSecondsAfterFinished: config.ttlSeconds }),
      template,
    },
  };
}

/** 64, 65 and 66 mend themselves never. No container is named: prepare ends with 66 as well. */
function failureRules(indexed: boolean): PodFailurePolicyRule[] {
  return [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    { action: indexed ? 'FailIndex' : 'FailJob', onExitCodes: { operator: 'In', values: [64, 65, 66] } },
  ];
}

/** Identifies what a pod is made from, so that it can be seen that it would be made otherwise today. */
export function templateHash({ metadata, spec }: PodTemplateSpec): string {
  const containers = spec.containers.map((container) => ({
    ...container,
    env: container.env?.filter(({ name }) => name !== PROGRESS_CA),
  }));
  const text = JSON.stringify({ metadata, spec: { ...spec, containers } }, inOrder);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** For JSON.stringify: the same object always gives the same text, however a profile is written down. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

function traceOf({ metadata }: MediaJob): { traceparent?: string } {
  const traceparent = metadata.annotations?.[Annotation.traceparent];
  return traceparent !== undefined && TRACEPARENT.test(traceparent) ? { traceparent } : {};
}
