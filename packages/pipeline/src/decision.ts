import type { FailureReason, MediaJobStatus, RunKey, StepRequest } from '@mediajob/contract';
import type { Tally } from './observed.js';

/** Why a run is stopped. */
export type StopReason = 'suspended' | 'cancelled' | 'deadline' | 'failed' | 'superseded' | 'deleted' | 'finished';

/**
 * What a runtime has to do. All are idempotent, and `decide()` repeats none that the observation already shows.
 *
 * - start: put the run on record, then make it happen. Never start it twice: its name is its identity.
 * - stop: put `stopRequested` on record, then make it end.
 * - forget: the run's outcome is in the status (write that first); its record may go.
 * - delete: the job's time to live is over; delete it as a person would.
 * - remove: everything of a deleted job is gone; drop its object (Kubernetes: release the finalizer).
 */
export type Action =
  | { readonly type: 'start'; readonly key: RunKey; readonly request: StepRequest; readonly tally: Tally }
  | { readonly type: 'stop'; readonly key: RunKey; readonly why: StopReason }
  | { readonly type: 'forget'; readonly key: RunKey }
  | { readonly type: 'delete' }
  | { readonly type: 'remove' };

/** Told to people after the status is written. */
export interface JobEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** How a run failed; of RunFailed only. */
  readonly failure?: FailureReason;
}

export interface Decision {
  readonly actions: readonly Action[];
  /** The whole new status; equal in content to the old one when nothing changed. */
  readonly status: MediaJobStatus;
  readonly events: readonly JobEvent[];
  /** When time alone will change the decision, in ms from `now`; undefined: only a change will. */
  readonly requeueAfterMs: number | undefined;
}
