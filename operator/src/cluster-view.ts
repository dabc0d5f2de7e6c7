import type { JobId } from '@mediajob/contract';
import type { CoreEvent, Job, Pod, Workload } from '@mediajob/kube';
import type { MediaJobObject } from './media-job-kind.js';
import type { ClusterOfJob } from './observe.js';

/**
 * What the reconcile reads, and where it puts the answers of its writes so that it reads them at once. In the operator
 * this is memory that watches fill; in tests, whatever knows of objects.
 */
export interface ClusterView {
  /** Whether all that there is in a namespace may be read. Otherwise what is read here is old, or a part of it. */
  knows(namespace: string): boolean;
  /** @param key namespace/name */
  mediaJob(key: string): MediaJobObject | undefined;
  jobsOf(uid: JobId): readonly Job[];
  podsOf(uid: JobId): readonly Pod[];
  /** FailedCreate and FailedMount events about an object. */
  eventsAbout(uid: string): readonly CoreEvent[];
  /** undefined: there is none, or no Kueue. */
  workloadOf(jobUid: string): Workload | undefined;
  putMediaJob(object: MediaJobObject): void;
  putJob(job: Job): void;
  putPod(pod: Pod): void;
}

export function clusterOf(view: ClusterView, uid: JobId): ClusterOfJob {
  return {
    jobs: view.jobsOf(uid),
    pods: view.podsOf(uid),
    events: (about) => view.eventsAbout(about),
    workload: (jobUid) => view.workloadOf(jobUid),
  };
}
