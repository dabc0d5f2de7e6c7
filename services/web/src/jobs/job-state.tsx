import type { MediaJob } from '@mediajob/contract';
import { hasEnded, titleOf } from '../api/job-lists.ts';
import { ProgressBar } from '../components/progress-bar.tsx';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { failureReasonOf, waitingAdvice } from './job-facts.ts';

/** How a job stands, in one cell: its phase; while it works the true percentage and what is left; otherwise why it does not. */
export function JobState({ job }: { readonly job: MediaJob }) {
  const { m, f } = useI18n();
  const { phase, progress } = job.status;
  const waiting = waitingAdvice(job, m);
  const moves = !hasEnded(job) && phase !== 'Suspended' && waiting === undefined && phase !== 'Pending';
  const eta = progress.etaSeconds;
  const left =
    eta === undefined || !moves
      ? undefined
      : eta < 3
        ? m.jobs.etaSoon
        : fill(m.jobs.etaLeft, { time: f.span(eta * 1000) });
  return (
    <div className={`state state-${phase.toLowerCase()}`}>
      <span className="state-line">
        <span className="state-phase">{m.phase[phase]}</span>
        {moves ? <span className="state-percent">{f.percent(progress.percent)}</span> : null}
        {left === undefined ? null : <span className="state-eta">{left}</span>}
        {waiting === undefined ? null : <span className="state-why">{waiting.what}</span>}
        {phase === 'Failed' ? <span className="state-why">{m.failure[failureReasonOf(job, m)].what}</span> : null}
      </span>
      {hasEnded(job) || progress.percent === 0 ? null : (
        <ProgressBar percent={progress.percent} label={titleOf(job)} tone={moves ? 'accent' : 'quiet'} />
      )}
    </div>
  );
}
