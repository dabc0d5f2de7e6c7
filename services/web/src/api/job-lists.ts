import type { JobList, MediaJob, Phase } from '@mediajob/contract';

/** What a list of jobs is narrowed to. */
export interface JobFilter {
  readonly view: 'all' | 'active' | 'succeeded' | 'failed';
  readonly search: string;
}

/** The pages of a list that have been loaded so far, newest job first. */
export interface JobPages {
  readonly pages: readonly JobList[];
  readonly pageParams: readonly unknown[];
}

/** A change that the server told of. */
export type JobChange =
  | { readonly type: 'job'; readonly job: MediaJob }
  | { readonly type: 'job-deleted'; readonly id: string };

const ENDED: readonly Phase[] = ['Succeeded', 'Failed', 'Cancelled'];

export function hasEnded(job: MediaJob): boolean {
  return ENDED.includes(job.status.phase);
}

/** The name that a person knows the job by. */
export function titleOf(job: MediaJob): string {
  const annotations = job.metadata.annotations ?? {};
  return annotations['mediajob.io/title'] || annotations['mediajob.io/file-name'] || job.metadata.name;
}

/** Whether a job belongs into the list; the same rules as the server's. */
export function matches(job: MediaJob, filter: JobFilter): boolean {
  if (filter.view === 'active' && hasEnded(job)) return false;
  if (filter.view === 'succeeded' && job.status.phase !== 'Succeeded') return false;
  if (filter.view === 'failed' && job.status.phase !== 'Failed') return false;
  const needle = filter.search.trim().toLowerCase();
  if (needle === '') return true;
  const annotations = job.metadata.annotations ?? {};
  return [annotations['mediajob.io/title'], annotations['mediajob.io/file-name'], job.metadata.name].some((text) =>
    text?.toLowerCase().includes(needle),
  );
}

/**
 * The list after the changes, without asking the server again. Unchanged pages keep their identity, so that
 * only rows that changed are drawn again. A job that is older than the last page loaded is left for that page.
 */
export function applyChanges<P extends JobPages>(list: P, changes: readonly JobChange[], filter: JobFilter): P {
  return changes.reduce((current, change) => applyChange(current, change, filter), list);
}

function applyChange<P extends JobPages>(list: P, change: JobChange, filter: JobFilter): P {
  const id = change.type === 'job' ? change.job.metadata.uid : change.id;
  const at = list.pages.findIndex((page) => page.items.some((job) => job.metadata.uid === id));
  const job = change.type === 'job' && matches(change.job, filter) ? change.job : undefined;
  if (at >= 0) return withTotal(replaceIn(list, at, id, job), job === undefined ? -1 : 0);
  if (job === undefined) return list;
  const inserted = insert(list, job);
  return withTotal(inserted, 1);
}

function replaceIn<P extends JobPages>(list: P, at: number, id: string, job: MediaJob | undefined): P {
  const pages = list.pages.map((page, index) =>
    index === at ? { ...page, items: page.items.flatMap((it) => (it.metadata.uid === id ? (job ?? []) : it)) } : page,
  );
  return { ...list, pages };
}

function insert<P extends JobPages>(list: P, job: MediaJob): P {
  const created = job.metadata.creationTimestamp;
  let placed = false;
  const pages = list.pages.map((page) => {
    if (placed) return page;
    const before = page.items.findIndex((it) => it.metadata.creationTimestamp <= created);
    if (before < 0 && page.next !== undefined) return page;
    placed = true;
    return { ...page, items: page.items.toSpliced(before < 0 ? page.items.length : before, 0, job) };
  });
  return placed ? { ...list, pages } : list;
}

function withTotal<P extends JobPages>(list: P, by: number): P {
  if (by === 0) return list;
  return { ...list, pages: list.pages.map((page) => ({ ...page, total: Math.max(0, page.total + by) })) };
}
