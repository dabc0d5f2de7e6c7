import type { MediaJob } from '@mediajob/contract';
import { useState } from 'react';
import { Link, Navigate, useNavigate, useParams } from 'react-router';
import { hasEnded, titleOf } from '../api/job-lists.ts';
import { ApiError } from '../api/problem.ts';
import { useJob, useTranscript } from '../api/queries.ts';
import { ActionMenu } from '../components/action-menu.tsx';
import { Empty, Loading } from '../components/empty.tsx';
import { ErrorNotice, Notice } from '../components/notice.tsx';
import { usePageTitle } from '../components/page-title.ts';
import { ProgressBar } from '../components/progress-bar.tsx';
import { useNow } from '../components/use-now.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { JobDetails } from '../jobs/job-details.tsx';
import { failureDetail, failureReasonOf, hasTranscript, sortedOutputs, waitingAdvice } from '../jobs/job-facts.ts';
import { StageList } from '../jobs/stage-list.tsx';
import { useJobActions } from '../jobs/use-job-actions.tsx';
import { TranscriptView } from '../transcript/transcript-view.tsx';

/** One job: while it works its progress, afterwards its text. */
export function JobScreen() {
  const { id = '' } = useParams();
  const { m } = useI18n();
  const query = useJob(id);
  const gone = query.error instanceof ApiError && query.error.status === 404;
  usePageTitle(query.data === undefined ? '' : titleOf(query.data));
  if (gone) {
    return (
      <div className="screen screen-narrow">
        <h1>{m.job.gone}</h1>
        <Empty what={m.job.goneNext}>
          <Link to="/jobs">{m.app.jobs}</Link>
        </Empty>
      </div>
    );
  }
  if (query.data === undefined) {
    return (
      <div className="screen">
        <h1 className="visually-hidden">{m.app.jobs}</h1>
        {query.isError ? (
          <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Loading label={m.app.loading} lines={6} />
        )}
      </div>
    );
  }
  // It was kept for the cluster under an id of its own, and is made now: its events come under the one it has for good.
  const { uid } = query.data.metadata;
  if (uid !== id) return <Navigate to={`/jobs/${uid}`} replace />;
  return <LoadedJob key={id} job={query.data} />;
}

function LoadedJob({ job }: { readonly job: MediaJob }) {
  const { m, f } = useI18n();
  const navigate = useNavigate();
  const now = useNow(hasEnded(job) ? 30_000 : 1_000);
  const actions = useJobActions(() => void navigate('/jobs'));
  const { status } = job;
  const [wide] = useState(() => matchMedia('(min-width: 64rem)').matches);
  return (
    <div className="screen job">
      <header className="job-head">
        <div className="job-title">
          <h1>{titleOf(job)}</h1>
          <ActionMenu label={m.job.actions} actions={actions.menuFor(job)} />
        </div>
        <p className="hint">
          {[
            status.phase === 'Succeeded' ? undefined : m.phase[status.phase],
            status.media === undefined ? undefined : f.clock(status.media.durationMs),
            status.language === undefined ? undefined : f.languageName(status.language),
            f.ago(job.metadata.creationTimestamp, now),
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
        <Downloads job={job} />
        {actions.feedback}
      </header>
      <details className="job-aside" open={wide}>
        <summary>{m.app.details}</summary>
        <div className="job-aside-body">
          <JobDetails job={job} now={now} />
        </div>
      </details>
      <div className="job-main">
        <JobStanding job={job} now={now} onRetry={() => actions.act('retry', [job.metadata.uid])} />
        {hasTranscript(job) ? <LoadedTranscript job={job} /> : null}
      </div>
    </div>
  );
}

function Downloads({ job }: { readonly job: MediaJob }) {
  const { m, f } = useI18n();
  const outputs = sortedOutputs(job);
  if (outputs.length === 0) return null;
  return (
    <ul className="downloads" aria-label={m.job.download}>
      {outputs.map((output) => (
        <li key={output.name}>
          <a
            href={`/api/v1/jobs/${job.metadata.uid}/outputs/${output.name}`}
            download
            aria-label={`${m.job.download}: ${output.name}, ${f.bytes(output.bytes)}`}
            title={output.name}
          >
            {output.format.toUpperCase()}
          </a>
          <span className="downloads-size">{f.bytes(output.bytes)}</span>
        </li>
      ))}
    </ul>
  );
}

/** How a job stands that has no text to show: what it does, why it waits, or why it failed and what to do. */
function JobStanding({
  job,
  now,
  onRetry,
}: {
  readonly job: MediaJob;
  readonly now: number;
  readonly onRetry: () => void;
}) {
  const { m, f } = useI18n();
  const { phase, progress } = job.status;
  const retry = (
    <button type="button" className="button" onClick={onRetry}>
      {m.jobs.retry}
    </button>
  );
  if (phase === 'Failed') {
    const advice = m.failure[failureReasonOf(job, m)];
    const detail = failureDetail(job);
    return (
      <Notice tone="danger" what={advice.what} next={advice.next}>
        {retry}
        {detail === '' ? null : (
          <div className="notice-details">
            <p className="hint">{m.job.serverSays}</p>
            <p className="mono">{detail}</p>
          </div>
        )}
      </Notice>
    );
  }
  if (phase === 'Cancelled') {
    return (
      <Notice tone="plain" what={m.job.cancelledText}>
        {retry}
      </Notice>
    );
  }
  if (phase === 'Succeeded') {
    return job.spec.transcribe === undefined ? <p className="hint">{m.job.convertOnly}</p> : null;
  }
  const waiting = waitingAdvice(job, m);
  const eta = progress.etaSeconds;
  return (
    <section className="working" aria-label={m.job.stages}>
      {phase === 'Suspended' ? <Notice tone="plain" what={m.job.heldText} /> : null}
      {waiting === undefined ? null : <Notice tone="warning" what={waiting.what} next={waiting.next} />}
      <p className="working-percent">
        <strong>{f.percent(progress.percent)}</strong>{' '}
        <span>
          {eta === undefined || waiting !== undefined ? null : fill(m.job.left, { time: f.span(eta * 1000) })}
        </span>
      </p>
      <ProgressBar
        percent={progress.percent}
        label={titleOf(job)}
        tone={waiting === undefined && phase !== 'Suspended' ? 'accent' : 'quiet'}
      />
      <StageList job={job} now={now} />
      {job.spec.transcribe === undefined ? null : <p className="hint">{m.job.working}</p>}
    </section>
  );
}

function LoadedTranscript({ job }: { readonly job: MediaJob }) {
  const { m } = useI18n();
  const query = useTranscript(job.metadata.uid, `${job.status.attempt} ${job.status.finishedAt ?? ''}`);
  if (query.data !== undefined) return <TranscriptView job={job} transcript={query.data} />;
  if (query.isError) return <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading label={m.app.loading} lines={8} />;
}
