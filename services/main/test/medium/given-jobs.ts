import type { JobId, MediaJob, Phase, VolumePath } from '@mediajob/contract';
import { MediaJobSpec, MediaJobStatus } from '@mediajob/contract';
import type { JobDirectory } from '../../src/job-directory.js';

/** Jobs as a test puts them there; what main’s own part needs of a runtime. */
export class GivenJobs implements JobDirectory {
  readonly #jobs = new Map<JobId, MediaJob>();

  put(job: MediaJob): MediaJob {
    this.#jobs.set(job.metadata.uid, job);
    return job;
  }
  remove(id: JobId): void {
    this.#jobs.delete(id);
  }
  get(id: JobId): MediaJob | undefined {
    return this.#jobs.get(id);
  }
  ids(): ReadonlySet<JobId> {
    return new Set(this.#jobs.keys());
  }
  naming(path: VolumePath): JobId[] {
    return [...this.#jobs.values()].filter((job) => job.spec.source.path === path).map((job) => job.metadata.uid);
  }
  phases(): Partial<Record<Phase, number>> {
    return { Pending: this.#jobs.size };
  }
}

export function aJob(path: string, over: { uid?: string; annotations?: Record<string, string> } = {}): MediaJob {
  return {
    apiVersion: 'mediajob.io/v1alpha1',
    kind: 'MediaJob',
    metadata: {
      name: 'talk',
      uid: over.uid ?? crypto.randomUUID(),
      creationTimestamp: '2026-11-23T10:00:00.000Z',
      generation: 1,
      resourceVersion: '1',
      annotations: over.annotations ?? {},
    },
    spec: MediaJobSpec.parse({ source: { path }, transcribe: {} }),
    status: MediaJobStatus.parse({}),
  };
}
