import type { JobId } from '@mediajob/contract';
import type { RunKey } from '@mediajob/pipeline';
import type { RunRecord } from './job-record.js';

export interface PendingRun {
  readonly jobId: JobId;
  readonly run: RunRecord;
}

/** The runs on record, for those who place and watch them. */
export interface RunLedger {
  /** Names of runs that are just being put: nobody else asks about them until the worker has answered. */
  readonly placing: Set<string>;
  /** Runs that nobody has been given yet, those of the oldest job first. */
  pending(): PendingRun[];
  /** Whether a run is on record and has not ended. */
  isLive(jobId: JobId, key: RunKey): boolean;
  /** Whether there is such a job. */
  knows(jobId: JobId): boolean;
  find(jobId: JobId, key: RunKey): RunRecord | undefined;
  /**
   * Changes a run that has not ended, and lets the job decide what follows.
   * @returns the run after it; undefined when it is gone or had ended
   * @throws StorageFullError, StorageError: then nothing has changed
   */
  change(jobId: JobId, key: RunKey, change: (run: RunRecord) => RunRecord): Promise<RunRecord | undefined>;
}
