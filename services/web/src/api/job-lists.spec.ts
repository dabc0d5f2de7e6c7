import type { JobList, MediaJob } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { aJob } from '../../test/mock/jobs.ts';
import { applyChanges, type JobFilter, type JobPages, matches } from './job-lists.ts';

const ALL: JobFilter = { view: 'all', search: '' };
const RUNNING: JobFilter = { view: 'active', search: '' };

const job = (title: string, ageMinutes: number, phase: MediaJob['status']['phase'] = 'Transcribing') =>
  aJob({ title, ageMs: ageMinutes * 60_000, phase });

function pages(...lists: MediaJob[][]): JobPages {
  const total = lists.flat().length;
  return {
    pages: lists.map(
      (items, at): JobList => ({ items, total, ...(at < lists.length - 1 ? { next: String(at) } : {}) }),
    ),
    pageParams: lists.map(() => undefined),
  };
}
const titles = (list: JobPages) =>
  list.pages.map((page) => page.items.map((it) => it.metadata.annotations?.['mediajob.io/title']));

describe('a list of jobs kept by events', () => {
  it('changes the one job and leaves other pages and rows as they were', () => {
    const [a, b, c] = [job('a', 1), job('b', 2), job('c', 3)];
    const before = pages([a, b], [c]);
    const changed = { ...a, status: { ...a.status, phase: 'Succeeded' as const } };
    const after = applyChanges(before, [{ type: 'job', job: changed }], ALL);
    expect(after.pages[0]?.items[0]).toBe(changed);
    expect(after.pages[0]?.items[1]).toBe(b);
    expect(after.pages[1]).toBe(before.pages[1]);
  });

  it('puts a new job at its place and counts it', () => {
    const after = applyChanges(pages([job('a', 10), job('c', 30)]), [{ type: 'job', job: job('b', 20) }], ALL);
    expect(titles(after)).toEqual([['a', 'b', 'c']]);
    expect(after.pages[0]?.total).toBe(3);
  });

  it('leaves a job that is older than what is loaded to the page that will bring it', () => {
    const before = pages([job('a', 10)]);
    const open = { ...before, pages: before.pages.map((page) => ({ ...page, next: 'more' })) };
    expect(titles(applyChanges(open, [{ type: 'job', job: job('old', 99) }], ALL))).toEqual([['a']]);
  });

  it('drops a job that no longer fits the filter, and one that was deleted', () => {
    const [a, b] = [job('a', 1), job('b', 2)];
    const ended = { ...a, status: { ...a.status, phase: 'Succeeded' as const } };
    const changes = [
      { type: 'job' as const, job: ended },
      { type: 'job-deleted' as const, id: b.metadata.uid },
    ];
    const after = applyChanges(pages([a, b]), changes, RUNNING);
    expect(titles(after)).toEqual([[]]);
    expect(after.pages[0]?.total).toBe(0);
  });

  it('stays the very same object when nothing in it changes', () => {
    const before = pages([job('a', 1)]);
    expect(applyChanges(before, [{ type: 'job-deleted', id: 'unknown' }], ALL)).toBe(before);
  });
});

it('searches in title and name, whatever the case', () => {
  expect(matches(job('Лекция 7', 1), { view: 'all', search: 'лекция' })).toBe(true);
  expect(matches(job('Лекция 7', 1), { view: 'all', search: 'семинар' })).toBe(false);
});
