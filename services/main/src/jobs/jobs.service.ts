import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import {
  Annotation,
  API_VERSION,
  type BulkJobs,
  type BulkResult,
  type CreateJob,
  type JobId,
  type JobList,
  KIND,
  type ListJobsQuery,
  type MediaInfo,
  type MediaJob,
  type MediaJobSpec,
  MediaJobStatus,
  type ModelList,
  type PatchJob,
  TERMINAL_PHASES,
} from '@mediajob/contract';
import { ProblemError, problemOf, requestContext } from '@mediajob/service';
import { compareAge, type JobStore } from '../runtime/job-store.js';
import type { LocalRuntime } from '../runtime/local-runtime.js';
import { checkModel } from './job-checks.js';
import { cursorOf, isAfter, parseCursor } from './job-cursor.js';
import { defaultJobName, numberedName } from './job-names.js';

/** What uploads tell of a source. */
export interface JobSources {
  /** @throws ProblemError upload-not-found, upload-incomplete, not-found */
  claimSource(path: string): Promise<{ readonly fileName?: string }>;
  /** @returns undefined when no converter can be reached @throws ProblemError unsupported-media */
  probe(path: string, audioTrack: number): Promise<MediaInfo | undefined>;
}

export interface JobModels {
  /** @throws ProblemError when no transcriber has answered yet */
  models(): Promise<ModelList>;
}

export interface JobsOptions {
  readonly now: () => Date;
}

/** Jobs of one file that were given no name, most of them at once. */
const MOST_NUMBERED = 1000;

/** What people do with jobs. */
export class JobsService {
  readonly #store: JobStore;
  readonly #runtime: LocalRuntime;
  readonly #sources: JobSources;
  readonly #models: JobModels;
  readonly #options: JobsOptions;

  constructor(store: JobStore, runtime: LocalRuntime, sources: JobSources, models: JobModels, options: JobsOptions) {
    this.#store = store;
    this.#runtime = runtime;
    this.#sources = sources;
    this.#models = models;
    this.#options = options;
  }

  /**
   * Makes a job, which is on stable storage when this returns. Sent again, it answers the same job.
   * @throws ProblemError upload-not-found, upload-incomplete, unsupported-media, validation-failed, job-exists, storage-full
   */
  async create(request: CreateJob): Promise<{ job: MediaJob; created: boolean }> {
    const { spec } = request;
    const known = this.#sameJob(request);
    if (known !== undefined) return { job: known, created: false };
    const fileName = await this.#checkSource(spec);
    await this.#checkModel(spec);

    const given = request.metadata.name;
    for (let number = 1; number <= (given === undefined ? MOST_NUMBERED : 1); number++) {
      const name = given ?? numberedName(defaultJobName(spec), number);
      const { job, created } = await this.#runtime.submit(this.#newJob(name, request, fileName));
      if (created || (isSame(job.spec, spec) && job.metadata.deletionTimestamp === undefined)) return { job, created };
    }
    const taken = given === undefined ? undefined : this.#store.byName(given);
    throw new ProblemError(
      'job-exists',
      taken?.metadata.deletionTimestamp !== undefined
        ? `The job ${given} is just being deleted. Try again shortly, or take another name.`
        : `There is a job ${given ?? defaultJobName(spec)} with another content. Take another name, or delete that job.`,
    );
  }

  list(query: ListJobsQuery): JobList {
    const search = query.search?.trim().toLowerCase();
    const found = this.#store
      .jobs()
      .filter((job) => query.phase === undefined || job.status.phase === query.phase)
      .filter((job) => query.active === undefined || isActive(job) === (query.active === 'true'))
      .filter((job) => search === undefined || search === '' || textOf(job).includes(search))
      .sort((a, b) => compareAge(b, a));
    const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    const rest = cursor === undefined ? found : found.filter((job) => isAfter(job, cursor));
    const items = rest.slice(0, query.limit);
    const last = items.at(-1);
    return {
      items,
      total: found.length,
      ...(rest.length > items.length && last !== undefined ? { next: cursorOf(last) } : {}),
    };
  }

  /** @throws ProblemError job-not-found */
  get(id: JobId): MediaJob {
    return this.#store.get(id) ?? notFound(id);
  }

  /** @throws ProblemError job-not-found, conflict */
  patch(id: JobId, patch: PatchJob): Promise<MediaJob> {
    return this.#edit(id, (job) => {
      const { title } = patch.metadata ?? {};
      const annotations = { ...job.metadata.annotations };
      if (title === null) delete annotations[Annotation.title];
      else if (title !== undefined) annotations[Annotation.title] = title;
      const spec: MediaJobSpec = { ...job.spec };
      const { activeDeadlineSeconds, ttlSecondsAfterFinished, ...plain } = patch.spec ?? {};
      Object.assign(spec, defined(plain));
      if (activeDeadlineSeconds === null) delete spec.activeDeadlineSeconds;
      else if (activeDeadlineSeconds !== undefined) spec.activeDeadlineSeconds = activeDeadlineSeconds;
      if (ttlSecondsAfterFinished === null) delete spec.ttlSecondsAfterFinished;
      else if (ttlSecondsAfterFinished !== undefined) spec.ttlSecondsAfterFinished = ttlSecondsAfterFinished;
      return { ...withSpec(job, spec), metadata: { ...withSpec(job, spec).metadata, annotations } };
    });
  }

  /** Stops a job for good. One that has ended stays as it ended. @throws ProblemError job-not-found, conflict */
  cancel(id: JobId): Promise<MediaJob> {
    return this.#edit(id, (job) => (isActive(job) ? withSpec(job, { ...job.spec, cancel: true }) : job));
  }

  /** A new attempt of a job that has ended; one that waits goes on at once. @throws ProblemError job-not-found, conflict */
  retry(id: JobId): Promise<MediaJob> {
    return this.#edit(id, (job) => {
      const changed = withSpec(job, { ...job.spec, cancel: false, suspend: false });
      const annotations = { ...changed.metadata.annotations, [Annotation.retry]: randomUUID() };
      return { ...changed, metadata: { ...changed.metadata, annotations } };
    });
  }

  /** @throws ProblemError job-not-found, conflict when it has ended */
  suspend(id: JobId): Promise<MediaJob> {
    return this.#edit(id, (job) => {
      if (!isActive(job)) {
        throw new ProblemError(
          'conflict',
          'The job has ended, so there is nothing to suspend. Retry it to begin anew.',
        );
      }
      return withSpec(job, { ...job.spec, suspend: true });
    });
  }

  /** @throws ProblemError job-not-found, conflict */
  resume(id: JobId): Promise<MediaJob> {
    return this.#edit(id, (job) => withSpec(job, { ...job.spec, suspend: false }));
  }

  /** Stops it and removes its files; it is gone a moment later. Again is fine. @throws ProblemError job-not-found */
  async delete(id: JobId): Promise<MediaJob> {
    const deletionTimestamp = this.#options.now().toISOString();
    const job = await this.#runtime.edit(id, (before) =>
      before.metadata.deletionTimestamp === undefined
        ? { ...before, metadata: { ...before.metadata, deletionTimestamp } }
        : before,
    );
    return job ?? notFound(id);
  }

  /** One result for each id, in order; what fails for one hinders none of the others. */
  async bulk({ action, ids }: BulkJobs): Promise<BulkResult> {
    const results: BulkResult['results'] = [];
    for (const id of ids) {
      try {
        await this[action](id);
        results.push({ id, ok: true });
      } catch (error) {
        const problem = problemOf(error);
        results.push({ id, ok: false, code: problem.code, detail: problem.message });
      }
    }
    return { results };
  }

  async #edit(id: JobId, change: (job: MediaJob) => MediaJob): Promise<MediaJob> {
    const job = await this.#runtime.edit(id, (before) => {
      if (before.metadata.deletionTimestamp !== undefined) {
        throw new ProblemError('conflict', 'The job is being deleted; nothing of it can change any more.');
      }
      return change(before);
    });
    return job ?? notFound(id);
  }

  /** A job that exists with this very content, so that nothing has to be checked again. */
  #sameJob({ metadata, spec }: CreateJob): MediaJob | undefined {
    const job = this.#store.byName(metadata.name ?? defaultJobName(spec));
    return job !== undefined && job.metadata.deletionTimestamp === undefined && isSame(job.spec, spec)
      ? job
      : undefined;
  }

  /** @returns the name of the file as its person calls it */
  async #checkSource({ source, convert }: MediaJobSpec): Promise<string | undefined> {
    // Other sources are not built yet: the job itself says so (Accepted=False).
    if (source.path === undefined) return undefined;
    const { fileName } = await this.#sources.claimSource(source.path);
    // A converter that is away is no reason to refuse: the file is safe, and the job waits.
    await this.#sources.probe(source.path, convert.audioTrack);
    return fileName;
  }

  async #checkModel(spec: MediaJobSpec): Promise<void> {
    if (spec.transcribe === undefined) return;
    let models: ModelList;
    try {
      models = await this.#models.models();
    } catch (error) {
      // Nobody there to ask: the run will tell.
      if (problemOf(error).code === 'worker-unavailable') return;
      throw error;
    }
    checkModel(spec, models);
  }

  #newJob(name: string, { metadata, spec }: CreateJob, fileName: string | undefined): MediaJob {
    const traceparent = requestContext()?.traceparent;
    return {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: {
        name,
        uid: randomUUID(),
        creationTimestamp: this.#options.now().toISOString(),
        generation: 1,
        resourceVersion: '0',
        annotations: defined({
          [Annotation.title]: metadata.title,
          [Annotation.fileName]: fileName,
          [Annotation.traceparent]: traceparent,
        }),
      },
      spec,
      status: MediaJobStatus.parse({}),
    };
  }
}

function isActive(job: MediaJob): boolean {
  return !TERMINAL_PHASES.includes(job.status.phase);
}

/** Whether two specs ask for the same work: what may be changed later does not count. */
function isSame(a: MediaJobSpec, b: MediaJobSpec): boolean {
  const work = ({ source, convert, transcribe, profile, queue, priorityClass }: MediaJobSpec) =>
    defined({ source, convert, transcribe, profile, queue, priorityClass });
  return isDeepStrictEqual(work(a), work(b));
}

function withSpec(job: MediaJob, spec: MediaJobSpec): MediaJob {
  if (isDeepStrictEqual(spec, job.spec)) return job;
  return { ...job, metadata: { ...job.metadata, generation: job.metadata.generation + 1 }, spec };
}

function textOf({ metadata }: MediaJob): string {
  const { annotations } = metadata;
  return [metadata.name, annotations?.[Annotation.title], annotations?.[Annotation.fileName]].join('\n').toLowerCase();
}

/** Without the entries that are undefined, which JSON would drop and comparisons would not. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function notFound(id: JobId): never {
  throw new ProblemError('job-not-found', `There is no job ${id}. It may have been deleted; look at the list of jobs.`);
}
