import type { JobId } from '@mediajob/contract';

/**
 * Since when we have seen something, by our own clock: what nodes and the API server say of times is by theirs, which may
 * be wrong by minutes. A new process begins anew, so whatever waits then waits a little longer.
 */
export class Sightings {
  readonly #jobs = new Map<JobId, Map<string, number>>();

  /**
   * @param what of a MediaJob, such as a pod that is being deleted
   * @param now ms of the epoch
   * @returns when it was asked for first
   */
  since(uid: JobId, what: string, now: number): number {
    const known = this.#jobs.get(uid) ?? new Map<string, number>();
    const since = known.get(what) ?? now;
    known.set(what, since);
    this.#jobs.set(uid, known);
    return since;
  }

  /** Of a MediaJob that ended or is gone. */
  drop(uid: JobId): void {
    this.#jobs.delete(uid);
  }
}
