import type { JobId, MediaJob, Phase, VolumePath } from '@mediajob/contract';

/** What uploads, outputs and the status page need to know of jobs; the runtime (local or Kubernetes) provides it. */
export interface JobDirectory {
  get(id: JobId): MediaJob | undefined;
  /** UIDs of all jobs that exist, those being deleted included; undefined: their files are not ours to remove. */
  ids(): ReadonlySet<JobId> | undefined;
  /** Jobs whose source is this path. */
  naming(path: VolumePath): JobId[];
  /** How many jobs are in each phase; phases without one may be left out. */
  phases(): Partial<Record<Phase, number>>;
}

export const JOB_DIRECTORY = Symbol('JOB_DIRECTORY');
