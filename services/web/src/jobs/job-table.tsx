import type { MediaJob } from '@mediajob/contract';
import { memo, type ReactNode } from 'react';
import { Link } from 'react-router';
import { titleOf } from '../api/job-lists.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { JobState } from './job-state.tsx';

interface JobTableProps {
  readonly label: string;
  readonly jobs: readonly MediaJob[];
  readonly now: number;
  /** Left out: rows cannot be selected. */
  readonly selection?: {
    readonly ids: ReadonlySet<string>;
    toggle(id: string): void;
    toggleAll(): void;
  };
  readonly rowActions?: (job: MediaJob) => ReactNode;
}

/** Jobs as a dense table. On a narrow screen length and age stand beneath the name. */
export function JobTable({ label, jobs, now, selection, rowActions }: JobTableProps) {
  const { m } = useI18n();
  const all = selection !== undefined && jobs.length > 0 && jobs.every((job) => selection.ids.has(job.metadata.uid));
  return (
    <table className="jobs" aria-label={label}>
      <thead>
        <tr>
          {selection === undefined ? null : (
            <th className="jobs-check" scope="col">
              <input type="checkbox" aria-label={m.jobs.selectAll} checked={all} onChange={selection.toggleAll} />
            </th>
          )}
          <th scope="col" className="jobs-name">
            {m.jobs.name}
          </th>
          <th scope="col" className="jobs-state">
            {m.jobs.state}
          </th>
          <th scope="col" className="jobs-language jobs-wide">
            {m.jobs.language}
          </th>
          <th scope="col" className="jobs-number jobs-wide">
            {m.jobs.duration}
          </th>
          <th scope="col" className="jobs-number jobs-wide">
            {m.jobs.age}
          </th>
          {rowActions === undefined ? null : (
            <th scope="col" className="jobs-menu">
              <span className="visually-hidden">{m.job.actions}</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <JobRow
            key={job.metadata.uid}
            job={job}
            now={now}
            selected={selection?.ids.has(job.metadata.uid)}
            onToggle={selection?.toggle}
            rowActions={rowActions}
          />
        ))}
      </tbody>
    </table>
  );
}

interface JobRowProps {
  readonly job: MediaJob;
  readonly now: number;
  readonly selected: boolean | undefined;
  readonly onToggle: ((id: string) => void) | undefined;
  readonly rowActions: ((job: MediaJob) => ReactNode) | undefined;
}

const JobRow = memo(function JobRow({ job, now, selected, onToggle, rowActions }: JobRowProps) {
  const { m, f } = useI18n();
  const { uid, creationTimestamp } = job.metadata;
  const title = titleOf(job);
  const duration = job.status.media === undefined ? undefined : f.clock(job.status.media.durationMs);
  const age = f.ago(creationTimestamp, now);
  const language = languageOf(job);
  return (
    <tr className={selected === true ? 'is-selected' : undefined}>
      {selected === undefined ? null : (
        <td className="jobs-check">
          <input
            type="checkbox"
            aria-label={fill(m.jobs.select, { name: title })}
            checked={selected}
            onChange={() => onToggle?.(uid)}
          />
        </td>
      )}
      <td className="jobs-name">
        <Link to={`/jobs/${uid}`} title={title}>
          {title}
        </Link>
        <span className="jobs-facts">
          {[duration, language === undefined ? undefined : f.languageName(language), age].filter(Boolean).join(' · ')}
        </span>
      </td>
      <td className="jobs-state">
        <JobState job={job} />
      </td>
      <td className="jobs-language jobs-wide">{language === undefined ? null : f.languageName(language)}</td>
      <td className="jobs-number jobs-wide">{duration}</td>
      <td className="jobs-number jobs-wide">
        <time dateTime={creationTimestamp} title={f.dateTime(creationTimestamp)}>
          {age}
        </time>
      </td>
      {rowActions === undefined ? null : <td className="jobs-menu">{rowActions(job)}</td>}
    </tr>
  );
});

/** The language of the transcript: as detected, or as asked for; undefined while it is unknown. */
function languageOf(job: MediaJob): string | undefined {
  const asked = job.spec.transcribe?.language;
  return job.status.language ?? (asked === 'auto' ? undefined : asked);
}
