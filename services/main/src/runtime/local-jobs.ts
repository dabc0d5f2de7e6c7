import { randomUUID } from 'node:crypto';
import { API_VERSION, type JobId, KIND, type MediaJob, MediaJobStatus } from '@mediajob/contract';
import { edited, editOf } from '../jobs/job-edits.js';
import type { JobAction, JobDraft, Jobs, Submitted } from '../jobs/jobs.js';
import type { JobStore } from './job-store.js';
import type { LocalRuntime } from './local-runtime.js';

/** Jobs of the local runtime: what people change is written, and the runtime decides what follows. */
export class LocalJobs implements Jobs {
  readonly #store: JobStore;
  readonly #runtime: LocalRuntime;
  readonly #now: () => Date;

  constructor(store: JobStore, runtime: LocalRuntime, now: () => Date) {
    this.#store = store;
    this.#runtime = runtime;
    this.#now = now;
  }

  all(): readonly MediaJob[] {
    return this.#store.jobs();
  }

  get(id: JobId): MediaJob | undefined {
    return this.#store.get(id);
  }

  async byName(name: string): Promise<MediaJob | undefined> {
    return this.#store.byName(name);
  }

  submit({ name, annotations, spec }: JobDraft): Promise<Submitted> {
    return this.#runtime.submit({
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: {
        name,
        uid: randomUUID(),
        creationTimestamp: this.#now().toISOString(),
        generation: 1,
        resourceVersion: '0',
        annotations: { ...annotations },
      },
      spec,
      status: MediaJobStatus.parse({}),
    });
  }

  edit(id: JobId, action: JobAction): Promise<MediaJob | undefined> {
    return this.#runtime.edit(id, (job) => edited(job, editOf(job, action)));
  }

  delete(id: JobId): Promise<MediaJob | undefined> {
    const deletionTimestamp = this.#now().toISOString();
    return this.#runtime.edit(id, (job) =>
      job.metadata.deletionTimestamp === undefined ? { ...job, metadata: { ...job.metadata, deletionTimestamp } } : job,
    );
  }
}
