import { randomUUID } from 'node:crypto';
import { Annotation, type JobId, type MediaJob } from '@mediajob/contract';
import {
  type Environment,
  isAlreadyExists,
  isConflict,
  isInvalid,
  isNotFound,
  type KubeApi,
  KubeApiError,
} from '@mediajob/kube';
import { ProblemError } from '@mediajob/service';
import { edited, editOf } from '../jobs/job-edits.js';
import type { JobAction, JobDraft, Jobs, Submitted } from '../jobs/jobs.js';
import type { ClusterDirectory } from './cluster-directory.js';
import { isAway, problemOfCluster } from './cluster-errors.js';
import type { ClusterLink } from './cluster-link.js';
import type { ClusterView } from './cluster-view.js';
import { type MediaJobObject, MediaJobs, requestOf } from './media-job-kind.js';
import { newMediaJob } from './new-media-job.js';
import type { Outbox } from './outbox.js';

export interface ClusterJobsOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly link: ClusterLink;
  readonly view: ClusterView;
  readonly directory: ClusterDirectory;
  readonly outbox: Outbox;
  readonly environment: Environment;
  /** A job was kept, or a kept one changed. */
  onKept(): void;
}

/** For one try of a call that a person waits for, in ms. */
const CALL_MS = 10_000;

/**
 * Jobs as custom resources of a cluster: what people change is patched there, and the operator does what follows. While
 * the cluster does not answer, new jobs are kept; they can be changed and deleted as any other.
 */
export class ClusterJobs implements Jobs {
  readonly #options: ClusterJobsOptions;

  constructor(options: ClusterJobsOptions) {
    this.#options = options;
  }

  all(): readonly MediaJob[] {
    return this.#options.directory.all();
  }

  get(id: JobId): MediaJob | undefined {
    return this.#options.directory.get(id);
  }

  /** One that was seen in the cluster may be gone by now: it is asked for again, unless nobody answers. */
  async byName(name: string): Promise<MediaJob | undefined> {
    const { link, view, outbox } = this.#options;
    const seen = view.byName(name);
    if (seen === undefined) return outbox.byName(name);
    if (link.isKnownToBeDown) return view.read(seen);
    try {
      return view.read(await this.#get(name));
    } catch (error) {
      return isNotFound(error) ? outbox.byName(name) : view.read(seen);
    }
  }

  async submit(draft: JobDraft): Promise<Submitted> {
    const { api, namespace, link, view } = this.#options;
    const known = await this.byName(draft.name);
    if (known !== undefined) return { job: known, created: false };
    // Sent with the first try already: when that is done without our hearing of it, the job is recognized.
    const request = randomUUID();
    if (link.isKnownToBeDown) return this.#keep(draft, request);
    try {
      const object = newMediaJob(namespace, request, draft);
      const made = await link.call(() => api.create(MediaJobs, object, { timeoutMs: CALL_MS }));
      view.put(made);
      return { job: view.read(made), created: true };
    } catch (error) {
      if (isAlreadyExists(error)) return this.#existing(draft, request);
      if (isAway(error)) return this.#keep(draft, request);
      throw isNotFound(error) ? notInstalled(namespace, error) : problemOfCluster(error, 'make the job');
    }
  }

  async edit(id: JobId, action: JobAction): Promise<MediaJob | undefined> {
    const { directory } = this.#options;
    const object = directory.object(id);
    if (object !== undefined) return this.#patch(object, action);
    const kept = await this.#editKept(id, action);
    if (kept !== undefined) return kept;
    // While we waited for our turn it was made.
    const made = directory.object(id);
    if (made !== undefined) return this.#patch(made, action);
    return directory.get(id);
  }

  async delete(id: JobId): Promise<MediaJob | undefined> {
    const { directory, outbox } = this.#options;
    const object = directory.object(id);
    // One that is made and not removed from the outbox yet must not be made again.
    const request = object === undefined ? id : requestOf(object);
    const kept = request === undefined ? undefined : await outbox.discard(request);
    if (kept !== undefined) this.#options.onKept();
    if (object !== undefined) return this.#delete(object);
    return kept ?? directory.get(id);
  }

  async #keep(draft: JobDraft, request: JobId): Promise<Submitted> {
    const { outbox, environment } = this.#options;
    const kept = await outbox.add({
      schemaVersion: 1,
      request,
      name: draft.name,
      named: draft.named,
      queuedAt: new Date(environment.clock.now()).toISOString(),
      generation: 1,
      annotations: { ...draft.annotations },
      spec: draft.spec,
    });
    this.#options.onKept();
    return { ...kept, queued: kept.created };
  }

  /** The name is taken: perhaps by this very request, when its answer was lost and it was sent again. */
  async #existing(draft: JobDraft, request: JobId): Promise<Submitted> {
    const { view } = this.#options;
    try {
      const object = await this.#get(draft.name);
      return { job: view.read(object), created: requestOf(object) === request };
    } catch (error) {
      if (isAway(error)) return this.#keep(draft, request);
      throw problemOfCluster(error, 'make the job');
    }
  }

  async #get(name: string): Promise<MediaJobObject> {
    const { api, namespace, link, view } = this.#options;
    const object = await link.call(() => api.get(MediaJobs, { namespace, name }, { timeoutMs: CALL_MS }));
    view.put(object);
    return object;
  }

  async #patch(object: MediaJobObject, action: JobAction): Promise<MediaJob | undefined> {
    const { api, namespace, link, view } = this.#options;
    const job = view.read(object);
    const edit = editOf(job, action);
    if (edit === undefined) return job;
    const { name, uid } = object.metadata;
    // With the uid: a new job of the same name is another one.
    const body = { ...edit, metadata: { ...edit.metadata, uid } };
    try {
      const ref = { namespace, name };
      const after = await link.call(() => api.patch(MediaJobs, ref, { type: 'merge', body }, { timeoutMs: CALL_MS }));
      view.put(after);
      return view.read(after);
    } catch (error) {
      if (isNotFound(error) || isAnotherObject(error)) return undefined;
      throw problemOfCluster(error, 'change the job');
    }
  }

  async #editKept(id: JobId, action: JobAction): Promise<MediaJob | undefined> {
    const { outbox } = this.#options;
    const changed = await outbox.hold(id, async ({ entry, rewrite }) => {
      const job = outbox.find(id);
      if (job === undefined) return false;
      const after = edited(job, editOf(job, action));
      if (after === job) return false;
      // Nothing has been tried yet, so there is no attempt to repeat: a retry only takes back what stopped it.
      const { [Annotation.retry]: retried, ...annotations } = after.metadata.annotations ?? {};
      const { refused, ...rest } = entry;
      const { generation } = after.metadata;
      await rewrite({
        ...rest,
        ...(refused !== undefined && retried === undefined ? { refused } : {}),
        annotations,
        generation,
        spec: after.spec,
      });
      return true;
    });
    if (changed === true) this.#options.onKept();
    return outbox.find(id);
  }

  async #delete(object: MediaJobObject): Promise<MediaJob | undefined> {
    const { api, namespace, link, view, environment } = this.#options;
    const job = view.read(object);
    const { name, uid } = object.metadata;
    const options = { propagationPolicy: 'Background', preconditions: { uid }, timeoutMs: CALL_MS } as const;
    try {
      await link.call(() => api.delete(MediaJobs, { namespace, name }, options));
    } catch (error) {
      // Gone, or another job has the name by now: nothing is left to do.
      if (isNotFound(error) || isConflict(error)) return undefined;
      throw problemOfCluster(error, 'delete the job');
    }
    const deletionTimestamp = job.metadata.deletionTimestamp ?? new Date(environment.clock.now()).toISOString();
    return { ...job, metadata: { ...job.metadata, deletionTimestamp } };
  }
}

/** The object of that name has another uid: servers say so as a conflict, or as a field that never changes. */
function isAnotherObject(error: unknown): boolean {
  if (!(error instanceof KubeApiError)) return false;
  const named = error.details?.causes?.some(({ field }) => field === 'metadata.uid') === true;
  return (isInvalid(error) && named) || (isConflict(error) && /uid/i.test(error.message));
}

/** Asking again helps when the administrator has mended it: senders try again by themselves. */
function notInstalled(namespace: string, cause: unknown): ProblemError {
  return new ProblemError(
    'cluster-unavailable',
    `The cluster knows no MediaJobs, or has no namespace ${namespace}. Its administrator installs them: see docs/KUBERNETES.md.`,
    { cause, headers: { 'retry-after': '30' } },
  );
}
