import type { JobId, MediaJob, ServerEvent } from '@mediajob/contract';
import type { Change } from '@mediajob/kube';
import type { ClusterView } from './cluster-view.js';
import { type MediaJobObject, requestOf } from './media-job-kind.js';

/**
 * Tells pages what becomes of jobs. When a kept job appears in the cluster, pages hear at once that the kept one is gone
 * and that the real one is there.
 */
export class JobFeed {
  readonly #publish: (event: ServerEvent) => void;
  readonly #view: ClusterView;
  /** Kept jobs that pages know of. */
  readonly #shown = new Set<JobId>();

  constructor(view: ClusterView, publish: (event: ServerEvent) => void) {
    this.#view = view;
    this.#publish = publish;
  }

  readonly onClusterChange = ({ type, object, initial }: Change<MediaJobObject>): void => {
    if (type === 'deleted') {
      this.#publish({ type: 'job-deleted', id: object.metadata.uid });
      return;
    }
    this.#hide(requestOf(object));
    // Nobody has a list yet that this were new to.
    if (initial !== true) this.#publish({ type: 'job', job: this.#view.read(object) });
  };

  readonly onKept = (job: MediaJob): void => {
    const { uid } = job.metadata;
    if (this.#view.byRequest(uid) !== undefined) return;
    this.#shown.add(uid);
    this.#publish({ type: 'job', job });
  };

  readonly onKeptRemoved = (request: JobId): void => this.#hide(request);

  #hide(request: JobId | undefined): void {
    if (request !== undefined && this.#shown.delete(request)) this.#publish({ type: 'job-deleted', id: request });
  }
}
