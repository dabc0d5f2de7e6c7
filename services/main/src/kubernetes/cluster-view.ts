import { type Condition, type JobId, type MediaJob, readMediaJob, type VolumePath } from '@mediajob/contract';
import type { Indexes, Informer } from '@mediajob/kube';
import { withConditions } from '@mediajob/pipeline';
import { type MediaJobObject, requestOf } from './media-job-kind.js';

export const VIEW_INDEXES: Indexes<MediaJobObject> = {
  uid: ({ metadata }) => [metadata.uid],
  request: (object) => [requestOf(object) ?? []].flat(),
  source: (object) => [sourcePathOf(object) ?? []].flat(),
};

/** The MediaJobs of the cluster as they were seen last. Reading one anew costs time: each is read once. */
export class ClusterView {
  readonly #informer: Informer<MediaJobObject>;
  readonly #namespace: string;
  readonly #read = new WeakMap<MediaJobObject, MediaJob>();

  /** @param informer with {@link VIEW_INDEXES} */
  constructor(informer: Informer<MediaJobObject>, namespace: string) {
    this.#informer = informer;
    this.#namespace = namespace;
  }

  /** Whether all jobs of the cluster have been seen once. */
  get synced(): boolean {
    return this.#informer.hasSynced;
  }

  objects(): readonly MediaJobObject[] {
    return this.#informer.store.list();
  }

  byUid(uid: JobId): MediaJobObject | undefined {
    return this.#informer.store.byIndex('uid', uid)[0];
  }

  byRequest(request: string): MediaJobObject | undefined {
    return this.#informer.store.byIndex('request', request)[0];
  }

  byName(name: string): MediaJobObject | undefined {
    return this.#informer.store.get(`${this.#namespace}/${name}`);
  }

  /** Also those whose spec we do not understand: their file is theirs all the same. */
  naming(path: VolumePath): readonly MediaJobObject[] {
    return this.#informer.store.byIndex('source', path);
  }

  /** Takes the answer of a write, so that whoever wrote reads it at once. */
  put(object: MediaJobObject): void {
    this.#informer.put(object);
  }

  read(object: MediaJobObject): MediaJob {
    const known = this.#read.get(object);
    if (known !== undefined) return known;
    const job = readable(object);
    this.#read.set(object, job);
    return job;
  }
}

/** A job whose spec cannot be read is shown as failed, unless the operator, who may be newer, has said how it is. */
function readable(object: MediaJobObject): MediaJob {
  const { job, invalid } = readMediaJob(object);
  if (invalid === undefined || job.status.conditions.length > 0) return job;
  const message = `${invalid} Make a new job without it.`.slice(0, 1024);
  const { creationTimestamp, generation } = job.metadata;
  const failed = { reason: 'InvalidSpec', message } as const;
  const conditions: Condition[] = withConditions(
    [],
    [
      { type: 'Accepted', status: 'False', ...failed },
      { type: 'Failed', status: 'True', ...failed },
    ],
    generation,
    creationTimestamp,
  );
  return { ...job, status: { ...job.status, phase: 'Failed', conditions, message } };
}

function sourcePathOf({ spec }: MediaJobObject): string | undefined {
  const path = (spec as { readonly source?: { readonly path?: unknown } | null } | null | undefined)?.source?.path;
  return typeof path === 'string' ? path : undefined;
}
