import { useRef } from 'react';
import { Link } from 'react-router';
import { useJobList, useSystem } from '../api/queries.ts';
import { Loading } from '../components/empty.tsx';
import { ErrorNotice, Notice } from '../components/notice.tsx';
import { usePageTitle } from '../components/page-title.ts';
import { useStore } from '../components/store.ts';
import { useNow } from '../components/use-now.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { JobTable } from '../jobs/job-table.tsx';
import { refusals, useAddFiles } from '../uploads/add-files.ts';
import { OptionsForm } from '../uploads/options-form.tsx';
import { UploadList } from '../uploads/upload-list.tsx';

const RECENT = 8;

/** The front page: drop a file, and see beneath what became of the last ones. */
export function UploadScreen() {
  const { m, f } = useI18n();
  usePageTitle('');
  const addFiles = useAddFiles();
  const refused = useStore(refusals);
  const limits = useSystem().data?.limits;
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className="screen">
      <section className="hero">
        <h1>{m.upload.title}</h1>
        <p className="hero-lead">{m.upload.lead}</p>
        <div className="drop">
          <button type="button" className="button button-primary button-large" onClick={() => input.current?.click()}>
            {m.upload.choose}
          </button>
          <p>
            {m.upload.orDrop}
            {limits === undefined ? null : (
              <span className="hint">
                {fill(m.upload.limits, {
                  size: f.bytes(limits.maxUploadBytes),
                  duration: f.span(limits.maxDurationMs),
                })}
              </span>
            )}
          </p>
          <input
            ref={input}
            type="file"
            multiple
            hidden
            tabIndex={-1}
            aria-hidden="true"
            accept="audio/*,video/*,.amr,.caf,.aiff,.opus,.mka,.mkv,.ts,.wma,.wmv,.flv,.3gp"
            onChange={(event) => {
              addFiles([...(event.target.files ?? [])]);
              event.target.value = '';
            }}
          />
        </div>
        {refused.length === 0 ? null : (
          <div className="refusals">
            {refused.map((text) => (
              <Notice key={text} tone="warning" what={text} urgent />
            ))}
          </div>
        )}
        <OptionsForm />
      </section>
      <UploadList />
      <RecentJobs />
    </div>
  );
}

function RecentJobs() {
  const { m, f } = useI18n();
  const now = useNow();
  const list = useJobList({ view: 'all', search: '' });
  const jobs = list.data?.pages[0]?.items.slice(0, RECENT) ?? [];
  const total = list.data?.pages[0]?.total ?? 0;
  return (
    <section className="recent" aria-labelledby="recent">
      <div className="section-head">
        <h2 id="recent">{m.upload.recent}</h2>
        {total > RECENT ? <Link to="/jobs">{f.count(m.upload.allJobs, total)}</Link> : null}
      </div>
      {list.isPending ? <Loading label={m.app.loading} /> : null}
      {list.isError && list.data === undefined ? (
        <ErrorNotice error={list.error} onRetry={() => void list.refetch()} />
      ) : null}
      {list.data !== undefined && jobs.length === 0 ? <p className="hint">{m.upload.noJobs}</p> : null}
      {jobs.length === 0 ? null : <JobTable label={m.upload.recent} jobs={jobs} now={now} />}
    </section>
  );
}
