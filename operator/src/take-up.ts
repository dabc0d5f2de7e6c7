import { Annotation, type MediaJob } from '@mediajob/contract';
import type { KubeApi } from '@mediajob/kube';
import { z } from 'zod';
import { MEDIAJOB_FINALIZER } from './labels.js';
import { type MediaJobObject, MediaJobs } from './media-job-kind.js';

/** What shapes a job's plan: fixed when it is taken up, so that changed settings never move the borders of its shards. */
export interface Plan {
  /** Wanted length of a chunk in ms. */
  readonly chunkTargetMs: number;
  readonly chunksPerShard: number;
}

const PlanSchema = z.strictObject({
  chunkTargetMs: z.int().min(30_000).max(3_600_000),
  chunksPerShard: z.int().min(1).max(1000),
});

/** The plan that a job was taken up with; undefined before that, or when somebody has spoilt it. */
export function planOf({ metadata }: MediaJob): Plan | undefined {
  try {
    return PlanSchema.parse(JSON.parse(metadata.annotations?.[Annotation.plan] ?? ''));
  } catch {
    return undefined;
  }
}

export function hasFinalizer({ metadata }: MediaJobObject): boolean {
  return metadata.finalizers?.includes(MEDIAJOB_FINALIZER) === true;
}

/**
 * Before the first Job of a job: from here on deleting it waits for us, who remove its files, and its plan is fixed.
 * One write, and none when all of that is there.
 *
 * @throws KubeApiError: Conflict when it was changed, or deleted, meanwhile
 */
export async function takeUp(
  api: KubeApi,
  object: MediaJobObject,
  job: MediaJob,
  plan: Plan,
  signal: AbortSignal,
): Promise<MediaJobObject> {
  if (hasFinalizer(object) && planOf(job) !== undefined) return object;
  const { finalizers = [], resourceVersion } = object.metadata;
  return api.patch(
    MediaJobs,
    refTo(object),
    {
      type: 'merge',
      body: {
        metadata: {
          resourceVersion,
          finalizers: [...new Set([...finalizers, MEDIAJOB_FINALIZER])],
          annotations: { [Annotation.plan]: JSON.stringify(plan) },
        },
      },
    },
    { signal },
  );
}

/** Lets a job go. Nothing of it is written after that. */
export async function release(api: KubeApi, object: MediaJobObject, signal?: AbortSignal): Promise<MediaJobObject> {
  const { finalizers = [], resourceVersion } = object.metadata;
  return api.patch(
    MediaJobs,
    refTo(object),
    {
      type: 'merge',
      body: { metadata: { resourceVersion, finalizers: finalizers.filter((it) => it !== MEDIAJOB_FINALIZER) } },
    },
    signal === undefined ? {} : { signal },
  );
}

function refTo({ metadata }: MediaJobObject): { name: string; namespace?: string } {
  return { name: metadata.name, ...(metadata.namespace !== undefined && { namespace: metadata.namespace }) };
}
