import type { JobId } from '@mediajob/contract';
import type { JobFiles } from '../../src/runtime/job-files.js';
import { JobRecord } from '../../src/runtime/job-record.js';

/** What is on the disk, and the process that dies: after `dieAfter` more writes nothing is written any more. */
export class MemoryJobFiles implements JobFiles {
  /** As text, so that nothing is shared with the process. */
  readonly disk: Map<JobId, string>;
  readonly cleaned: JobId[] = [];
  dieAfter = Number.POSITIVE_INFINITY;
  /** The error of every write while it is set. */
  failing: Error | undefined;
  writes = 0;

  constructor(disk: Map<JobId, string> = new Map()) {
    this.disk = disk;
  }

  async list(): Promise<JobId[]> {
    return [...this.disk.keys()];
  }

  async read(id: JobId): Promise<JobRecord | undefined> {
    const text = this.disk.get(id);
    return text === undefined ? undefined : JobRecord.parse(JSON.parse(text));
  }

  async write(record: JobRecord): Promise<void> {
    this.#live();
    if (this.failing !== undefined) throw this.failing;
    this.writes++;
    this.disk.set(record.job.metadata.uid, JSON.stringify(JobRecord.parse(record)));
  }

  async clean(id: JobId): Promise<void> {
    this.#live();
    this.cleaned.push(id);
  }

  async remove(id: JobId): Promise<void> {
    this.#live();
    this.disk.delete(id);
  }

  #live(): void {
    if (this.dieAfter <= 0) throw new Error('the process is dead');
    this.dieAfter--;
  }
}
