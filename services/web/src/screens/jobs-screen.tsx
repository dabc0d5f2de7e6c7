import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { Link, useNavigationType, useSearchParams } from 'react-router';
import type { JobFilter } from '../api/job-lists.ts';
import { titleOf } from '../api/job-lists.ts';
import { useJobList } from '../api/queries.ts';
import { ActionMenu } from '../components/action-menu.tsx';
import { Empty, Loading } from '../components/empty.tsx';
import { ErrorNotice } from '../components/notice.tsx';
import { usePageTitle } from '../components/page-title.ts';
import { useNow } from '../components/use-now.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { actionsFor, type JobAction } from '../jobs/job-facts.ts';
import { JobTable } from '../jobs/job-table.tsx';
import { useJobActions } from '../jobs/use-job-actions.tsx';

const VIEWS: readonly JobFilter['view'][] = ['all', 'active', 'succeeded', 'failed'];
const BULK: readonly JobAction[] = ['suspend', 'resume', 'cancel', 'retry', 'delete'];

/** The queue that one can see. What is shown is kept in the address, so that it can be sent to somebody. */
export function JobsScreen() {
  const { m, f } = useI18n();
  usePageTitle(m.jobs.title);
  const now = useNow();
  const [query, setQuery] = useSearchParams();
  const navigation = useNavigationType();
  const [shown, setShown] = useState(() => filterOf(query));
  const { view, search } = shown;
  const filter = useDeferredValue(shown);
  // The address follows what is typed, never the other way round while typing; a link or the back button sets it.
  useEffect(() => {
    if (navigation !== 'REPLACE') setShown(filterOf(query));
  }, [query, navigation]);
  const list = useJobList(filter);
  const jobs = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const total = list.data?.pages[0]?.total;
  const actions = useJobActions();
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const selected = jobs.filter((job) => picked.has(job.metadata.uid));
  const show = (change: Partial<JobFilter>) => {
    const next = { view, search, ...change };
    setShown(next);
    setQuery(
      { ...(next.view === 'all' ? {} : { view: next.view }), ...(next.search ? { search: next.search } : {}) },
      {
        replace: true,
      },
    );
  };
  const toggle = (id: string) => setPicked((before) => toggled(before, id));
  const toggleAll = () =>
    setPicked(selected.length === jobs.length ? new Set() : new Set(jobs.map((job) => job.metadata.uid)));
  const possible = BULK.filter((action) => selected.some((job) => actionsFor(job).includes(action)));

  return (
    <div className="screen">
      <div className="section-head">
        <h1>{m.jobs.title}</h1>
        {total === undefined ? null : <span className="hint">{f.count(m.jobs.count, total)}</span>}
      </div>
      <div className="toolbar">
        <fieldset className="segments">
          <legend className="visually-hidden">{m.jobs.views}</legend>
          {VIEWS.map((it) => (
            <label key={it}>
              <input type="radio" name="view" checked={it === view} onChange={() => show({ view: it })} />
              <span>{m.jobs.view[it]}</span>
            </label>
          ))}
        </fieldset>
        <input
          type="search"
          className="search"
          placeholder={m.jobs.search}
          aria-label={m.jobs.search}
          value={search}
          onChange={(event) => show({ search: event.target.value })}
        />
      </div>
      {selected.length === 0 ? null : (
        <div className="bulk" role="toolbar" aria-label={f.count(m.jobs.selected, selected.length)}>
          <span>{f.count(m.jobs.selected, selected.length)}</span>
          {possible.map((action) => (
            <button
              key={action}
              type="button"
              className={action === 'delete' ? 'text-button text-button-danger' : 'text-button'}
              disabled={actions.busy}
              onClick={() =>
                actions.act(
                  action,
                  selected.filter((job) => actionsFor(job).includes(action)).map((job) => job.metadata.uid),
                )
              }
            >
              {m.jobs[action]}
            </button>
          ))}
          <button type="button" className="text-button" onClick={() => setPicked(new Set())}>
            {m.jobs.unselect}
          </button>
        </div>
      )}
      {actions.feedback}
      {list.isPending ? <Loading label={m.app.loading} lines={6} /> : null}
      {list.isError && jobs.length === 0 ? (
        <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />
      ) : null}
      {list.isSuccess && jobs.length === 0 ? (
        <NoJobs filter={filter} onShowAll={() => show({ view: 'all', search: '' })} />
      ) : null}
      {jobs.length === 0 ? null : (
        <JobTable
          label={m.jobs.title}
          jobs={jobs}
          now={now}
          selection={{ ids: picked, toggle, toggleAll }}
          rowActions={(job) => (
            <ActionMenu label={fill(m.jobs.menu, { name: titleOf(job) })} actions={actions.menuFor(job)} />
          )}
        />
      )}
      {list.hasNextPage ? (
        <LoadMore busy={list.isFetchingNextPage} label={m.jobs.loadMore} onMore={() => void list.fetchNextPage()} />
      ) : null}
    </div>
  );
}

/** What the address asks to show. */
function filterOf(query: URLSearchParams): JobFilter {
  return { view: VIEWS.find((it) => it === query.get('view')) ?? 'all', search: query.get('search') ?? '' };
}

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return next;
}

function NoJobs({ filter, onShowAll }: { readonly filter: JobFilter; readonly onShowAll: () => void }) {
  const { m } = useI18n();
  if (filter.view === 'all' && filter.search === '') {
    return (
      <Empty what={m.jobs.empty} next={m.jobs.emptyNext}>
        <Link className="button" to="/">
          {m.upload.choose}
        </Link>
      </Empty>
    );
  }
  return (
    <Empty what={m.jobs.noneFound} next={m.jobs.noneFoundNext}>
      <button type="button" className="button" onClick={onShowAll}>
        {m.jobs.showAll}
      </button>
    </Empty>
  );
}

interface LoadMoreProps {
  readonly busy: boolean;
  readonly label: string;
  readonly onMore: () => void;
}

/** Loads the next page when it comes into view; the button is for keyboards and for when that fails. */
function LoadMore({ busy, label, onMore }: LoadMoreProps) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(onMore);
  useEffect(() => {
    latest.current = onMore;
  }, [onMore]);
  useEffect(() => {
    const element = button.current;
    if (element === null) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting === true) latest.current();
      },
      { rootMargin: '400px' },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <button ref={button} type="button" className="button load-more" disabled={busy} onClick={onMore}>
      {label}
    </button>
  );
}
