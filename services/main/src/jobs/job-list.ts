import { Annotation, type JobList, type ListJobsQuery, type MediaJob } from '@mediajob/contract';
import { cursorOf, isAfter, parseCursor } from './job-cursor.js';
import { isActive } from './job-edits.js';

/** One page of the jobs that are asked for, newest first. @throws ProblemError validation-failed for a wrong cursor */
export function pageOf(jobs: readonly MediaJob[], query: ListJobsQuery): JobList {
  const search = query.search?.trim().toLowerCase();
  const found = jobs
    .filter((job) => query.phase === undefined || job.status.phase === query.phase)
    .filter((job) => query.active === undefined || isActive(job) === (query.active === 'true'))
    .filter((job) => search === undefined || search === '' || textOf(job).includes(search))
    .sort((a, b) => compareAge(b, a));
  const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor);
  const rest = cursor === undefined ? found : found.filter((job) => isAfter(job, cursor));
  const items = rest.slice(0, query.limit);
  const last = items.at(-1);
  return {
    items,
    total: found.length,
    ...(rest.length > items.length && last !== undefined ? { next: cursorOf(last) } : {}),
  };
}

/** Oldest first; of the same moment, by id. */
export function compareAge(a: MediaJob, b: MediaJob): number {
  const [one, other] = [a.metadata, b.metadata];
  if (one.creationTimestamp !== other.creationTimestamp)
    return one.creationTimestamp < other.creationTimestamp ? -1 : 1;
  return one.uid < other.uid ? -1 : one.uid > other.uid ? 1 : 0;
}

function textOf({ metadata }: MediaJob): string {
  const { annotations } = metadata;
  return [metadata.name, annotations?.[Annotation.title], annotations?.[Annotation.fileName]].join('\n').toLowerCase();
}
