import { randomUUID } from 'node:crypto';
import {
  Annotation,
  type BulkJobs,
  type BulkResult,
  type CreateJob,
  type JobId,
  type JobList,
  type ListJobsQuery,
  type MediaJob,
  type PatchJob,
} from '@mediajob/contract';
import { ProblemError, problemOf, requestContext } from '@mediajob/service';
import { cancel, patchWith, resume, retryWith, suspend } from './job-edits.js';
import type { JobIntake } from './job-intake.js';
import { pageOf } from './job-list.js';
import { defaultJobName, numberedName } from './job-names.js';
import type { JobAction, JobDraft, Jobs, Submitted } from './jobs.js';
import { defined, isSameWork } from './same-work.js';

/** Jobs of one file that were given no name, most of them at once. */
const MOST_NUMBERED = 1000;

/** What people do with jobs, whatever runs them. */
export class JobsService {
  readonly #jobs: Jobs;
  readonly #intake: Pick<JobIntake, 'check'>;

  constructor(jobs: Jobs, intake: Pick<JobIntake, 'check'>) {
    this.#jobs = jobs;
    this.#intake = intake;
  }

  /**
   * Makes a job, which is on stable storage when this returns. Sent again, it answers the same job.
   * @throws ProblemError upload-not-found, upload-incomplete, unsupported-media, validation-failed, job-exists, storage-full
   */
  async create(request: CreateJob): Promise<Submitted> {
    const { spec } = request;
    const known = await this.#sameJob(request);
    if (known !== undefined) return { job: known, created: false };
    const annotations = annotationsOf(request, await this.#intake.check(spec));

    const given = request.metadata.name;
    let taken: MediaJob | undefined;
    for (let number = 1; number <= (given === undefined ? MOST_NUMBERED : 1); number++) {
      const name = given ?? numberedName(defaultJobName(spec), number);
      const submitted = await this.#jobs.submit({ name, named: given !== undefined, annotations, spec });
      if (submitted.created || isStillThere(submitted.job, request)) return submitted;
      taken = submitted.job;
    }
    throw new ProblemError(
      'job-exists',
      given !== undefined && taken?.metadata.deletionTimestamp !== undefined
        ? `The job ${given} is just being deleted. Try again shortly, or take another name.`
        : `There is a job ${given ?? defaultJobName(spec)} with another content. Take another name, or delete that job.`,
    );
  }

  /** @throws ProblemError validation-failed for a wrong cursor; busy while the jobs are not known */
  list(query: ListJobsQuery): JobList {
    return pageOf(this.#jobs.all(), query);
  }

  /** @throws ProblemError job-not-found */
  get(id: JobId): MediaJob {
    return this.#jobs.get(id) ?? notFound(id);
  }

  /** @throws ProblemError job-not-found, conflict */
  patch(id: JobId, patch: PatchJob): Promise<MediaJob> {
    return this.#edit(id, patchWith(patch));
  }

  /** Stops a job for good. One that has ended stays as it ended. @throws ProblemError job-not-found, conflict */
  cancel(id: JobId): Promise<MediaJob> {
    return this.#edit(id, cancel);
  }

  /** A new attempt of a job that has ended; one that waits goes on at once. @throws ProblemError job-not-found, conflict */
  retry(id: JobId): Promise<MediaJob> {
    return this.#edit(id, retryWith(randomUUID()));
  }

  /** @throws ProblemError job-not-found, conflict when it has ended */
  suspend(id: JobId): Promise<MediaJob> {
    return this.#edit(id, suspend);
  }

  /** @throws ProblemError job-not-found, conflict */
  resume(id: JobId): Promise<MediaJob> {
    return this.#edit(id, resume);
  }

  /** Stops it and removes its files; it is gone a moment later. Again is fine. @throws ProblemError job-not-found */
  async delete(id: JobId): Promise<MediaJob> {
    return (await this.#jobs.delete(id)) ?? notFound(id);
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

  async #edit(id: JobId, action: JobAction): Promise<MediaJob> {
    return (await this.#jobs.edit(id, action)) ?? notFound(id);
  }

  /** A job that exists with this very content, so that nothing has to be checked again. */
  async #sameJob(request: CreateJob): Promise<MediaJob | undefined> {
    const job = await this.#jobs.byName(request.metadata.name ?? defaultJobName(request.spec));
    return job !== undefined && isStillThere(job, request) ? job : undefined;
  }
}

function isStillThere({ metadata, spec }: MediaJob, request: CreateJob): boolean {
  return metadata.deletionTimestamp === undefined && isSameWork(spec, request.spec);
}

function annotationsOf({ metadata }: CreateJob, fileName: string | undefined): JobDraft['annotations'] {
  return defined({
    [Annotation.title]: metadata.title,
    [Annotation.fileName]: fileName,
    [Annotation.traceparent]: requestContext()?.traceparent,
  });
}

function notFound(id: JobId): never {
  throw new ProblemError('job-not-found', `There is no job ${id}. It may have been deleted; look at the list of jobs.`);
}
