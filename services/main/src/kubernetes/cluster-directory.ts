import type { JobId, MediaJob, Phase, VolumePath } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import type { JobDirectory } from '../job-directory.js';
import type { ClusterView } from './cluster-view.js';
import { type MediaJobObject, requestOf } from './media-job-kind.js';
import type { Outbox } from './outbox.js';

/**
 * All jobs that main knows of: those of the cluster as they were seen last, and those that are kept for it. A kept one
 * that is made by now is shown once, as the cluster has it, and is found by both of its ids.
 */
export class ClusterDirectory implements JobDirectory {
  readonly #view: ClusterView;
  readonly #outbox: Outbox;

  constructor(view: ClusterView, outbox: Outbox) {
    this.#view = view;
    this.#outbox = outbox;
  }

  /** In no order. @throws ProblemError cluster-unavailable, busy */
  all(): MediaJob[] {
    this.#mustBeKnown();
    return [...this.#view.objects().map((object) => this.#view.read(object)), ...this.#kept()];
  }

  /** @throws ProblemError cluster-unavailable, busy for a job that is not known while others are not known either */
  get(id: JobId): MediaJob | undefined {
    const object = this.object(id);
    const job = object === undefined ? this.#outbox.find(id) : this.#view.read(object);
    if (job === undefined) this.#mustBeKnown();
    return job;
  }

  /** The job in the cluster, by its own id or by the one it was kept under. */
  object(id: JobId): MediaJobObject | undefined {
    return this.#view.byUid(id) ?? this.#view.byRequest(id);
  }

  /** The operator removes the files of a job, and keeps them where it is told to; nobody else may. */
  ids(): undefined {
    return undefined;
  }

  naming(path: VolumePath): JobId[] {
    this.#mustBeKnown();
    const made = this.#view.naming(path);
    const requests = new Set(made.map(requestOf));
    const kept = this.#outbox.naming(path).filter((request) => !requests.has(request));
    return [...made.map(({ metadata }) => metadata.uid), ...kept];
  }

  phases(): Partial<Record<Phase, number>> {
    const counts: Partial<Record<Phase, number>> = {};
    for (const { status } of this.all()) counts[status.phase] = (counts[status.phase] ?? 0) + 1;
    return counts;
  }

  #kept(): MediaJob[] {
    return this.#outbox.jobs().filter(({ metadata }) => this.#view.byRequest(metadata.uid) === undefined);
  }

  #mustBeKnown(): void {
    this.#outbox.mustBeLoaded();
    if (this.#view.synced) return;
    throw new ProblemError(
      'cluster-unavailable',
      'The cluster has not answered since this service started, so its jobs are not known. Uploads go on, and new jobs are kept. Try again shortly.',
      { headers: { 'retry-after': '5' } },
    );
  }
}
