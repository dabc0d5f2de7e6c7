import {
  API_VERSION,
  type Condition,
  JobId,
  JobName,
  KIND,
  type MediaJob,
  MediaJobSpec,
  MediaJobStatus,
} from '@mediajob/contract';
import { withConditions } from '@mediajob/pipeline';
import { z } from 'zod';
import { defaultJobName, numberedName } from '../jobs/job-names.js';

const Time = z.iso.datetime();

/** jobs/.outbox/<name>.json: a job that the cluster has not taken yet. It holds all that is needed to make it. */
export const OutboxEntry = z.strictObject({
  schemaVersion: z.literal(1),
  /** Id of the job until it is made, and its label afterwards. */
  request: JobId,
  /** Under which it is made. The file keeps the name that was asked for first. */
  name: JobName,
  /** A person chose the name, so no other may be taken instead. */
  named: z.boolean(),
  queuedAt: Time,
  /** Counts changes of the spec, as a MediaJob's does. */
  generation: z.int().min(1),
  annotations: z.record(z.string().max(253), z.string().max(1024)),
  spec: MediaJobSpec,
  /** Why it can never be made: it waits for its person to see that. */
  refused: z.string().max(1024).optional(),
});
export type OutboxEntry = z.infer<typeof OutboxEntry>;

/** jobs/.outbox/discarded/<request>.json: a person does not want the job any more, whether the cluster has it or not. */
export const DiscardedRequest = z.strictObject({ schemaVersion: z.literal(1), request: JobId, at: Time });
export type DiscardedRequest = z.infer<typeof DiscardedRequest>;

/** The name after one that is taken; undefined when there is none: a person chose it. */
export function nextName({ name, named, spec }: OutboxEntry): string | undefined {
  if (named) return undefined;
  const first = defaultJobName(spec);
  for (let number = 1; number < 1000; number++) {
    if (numberedName(first, number) === name) return numberedName(first, number + 1);
  }
  return undefined;
}

/**
 * The job as people see it while it waits.
 *
 * @param why what the cluster said when it was asked last
 */
export function keptJob(entry: OutboxEntry, why: string | undefined): MediaJob {
  const { request, name, queuedAt, generation, annotations, spec } = entry;
  // To the second, as the API server writes times: both are compared in lists.
  const creationTimestamp = queuedAt.replace(/\.\d+Z$/, 'Z');
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name, uid: request, creationTimestamp, generation, resourceVersion: '0', annotations },
    spec,
    status: MediaJobStatus.parse({ observedGeneration: generation, ...standing(entry, why) }),
  };
}

function standing(
  { refused, spec, queuedAt, generation }: OutboxEntry,
  why: string | undefined,
): Pick<MediaJobStatus, 'phase' | 'conditions' | 'message'> {
  const conditions = (...updates: Parameters<typeof withConditions>[1]): Condition[] =>
    withConditions([], updates, generation, queuedAt);
  if (refused !== undefined) {
    const failed = { reason: 'InvalidSpec', message: refused } as const;
    return {
      phase: 'Failed',
      conditions: conditions(
        { type: 'Accepted', status: 'False', ...failed },
        { type: 'Failed', status: 'True', ...failed },
      ),
      message: refused,
    };
  }
  if (spec.cancel) {
    const message = 'The job was cancelled before the cluster had it. Retry it to begin anew.';
    const cancelled = conditions({ type: 'Failed', status: 'True', reason: 'Cancelled', message });
    return { phase: 'Cancelled', conditions: cancelled, message };
  }
  const because = why === undefined ? 'The cluster does not answer' : `The cluster does not take the job: ${why}`;
  const message = `${because}. The job is kept here and made by itself when it does.`.slice(0, 1024);
  return {
    phase: spec.suspend ? 'Suspended' : 'Pending',
    conditions: conditions({ type: 'Queued', status: 'True', reason: 'WaitingForCluster', message }),
    message,
  };
}
