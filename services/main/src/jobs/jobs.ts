import type { JobId, MediaJob, MediaJobSpec } from '@mediajob/contract';
import type { JobEdit } from './job-edits.js';

/** A job as it is asked for; who makes it gives it its uid and its times. */
export interface JobDraft {
  readonly name: string;
  /** A person chose the name: no other may be taken instead. */
  readonly named: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: MediaJobSpec;
}

/** What became of a draft. */
export interface Submitted {
  /** The new job, or the one that had the name before. */
  readonly job: MediaJob;
  readonly created: boolean;
  /** It is kept for a cluster that does not answer, and made when it does. */
  readonly queued?: boolean;
}

/** What an action changes of a job; undefined: nothing. @throws ProblemError conflict when it does not fit the job */
export type JobAction = (job: MediaJob) => JobEdit | undefined;

/** The jobs of one runtime: files of the local one, or custom resources of a cluster. */
export interface Jobs {
  /** In no order. @throws ProblemError busy, cluster-unavailable while nobody knows which jobs there are */
  all(): readonly MediaJob[];
  get(id: JobId): MediaJob | undefined;
  /** As it is now, where that can be found out. */
  byName(name: string): Promise<MediaJob | undefined>;
  /** Takes a job in; it is on stable storage when this returns. @throws ProblemError, StorageFullError, StorageError */
  submit(draft: JobDraft): Promise<Submitted>;
  /**
   * Carries an action out on a job as it is now.
   * @returns the job after it; undefined when there is none
   * @throws what the action throws; ProblemError, StorageFullError, StorageError: then nothing has changed
   */
  edit(id: JobId, action: JobAction): Promise<MediaJob | undefined>;
  /** Begins the end of a job and its files. @returns the job; undefined when there is none */
  delete(id: JobId): Promise<MediaJob | undefined>;
}

export const JOBS = Symbol('JOBS');
