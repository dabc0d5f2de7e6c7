import type { MediaJob } from '@mediajob/contract';
import { hasEnded } from '../api/job-lists.ts';
import { CopyButton } from '../components/copy-button.tsx';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { elapsedMs } from './job-facts.ts';
import { jobYaml } from './job-yaml.ts';
import { StageList } from './stage-list.tsx';

/** All that is known of a job beside its text. */
export function JobDetails({ job, now }: { readonly job: MediaJob; readonly now: number }) {
  const { m } = useI18n();
  return (
    <>
      {hasEnded(job) && job.status.stages.length > 0 ? (
        <section aria-labelledby="job-stages">
          <h2 id="job-stages">{m.job.stages}</h2>
          <StageList job={job} now={now} />
        </section>
      ) : null}
      <section aria-labelledby="job-about">
        <h2 id="job-about">{m.job.about}</h2>
        <About job={job} now={now} />
      </section>
      {hasRetries(job) ? <Attempts job={job} /> : null}
      <details className="yaml">
        <summary>{m.job.yaml}</summary>
        <p className="hint">{m.job.yamlHint}</p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so by keyboard */}
        <pre className="mono" tabIndex={0}>
          {jobYaml(job)}
        </pre>
        <CopyButton label={m.job.copyYaml} text={() => jobYaml(job)} />
      </details>
    </>
  );
}

/** A single failure that ended the job is told at length already. */
function hasRetries(job: MediaJob): boolean {
  return job.status.attempts.length > (job.status.phase === 'Failed' ? 1 : 0);
}

function About({ job, now }: { readonly job: MediaJob; readonly now: number }) {
  const { m, f } = useI18n();
  const { status, spec, metadata } = job;
  const { media } = status;
  const elapsed = elapsedMs(job, now);
  const speed = status.progress.realtimeFactor;
  const facts: (readonly [string, string | undefined])[] = [
    [m.job.added, f.dateTime(metadata.creationTimestamp)],
    [m.job.took, elapsed === undefined ? undefined : f.span(elapsed)],
    [m.job.speed, speed === undefined ? undefined : fill(m.job.speedValue, { factor: f.decimal(speed) })],
    [m.job.language, status.language === undefined ? undefined : f.languageName(status.language)],
    [m.job.model, spec.transcribe?.model],
    [
      m.job.source,
      media === undefined
        ? undefined
        : [
            media.audioCodec,
            media.sampleRate === 0 ? undefined : fill(m.unit.kilohertz, { n: f.decimal(media.sampleRate / 1000) }),
            media.audioTracks > 1 ? f.count(m.job.tracks, media.audioTracks) : undefined,
            f.bytes(media.bytes),
          ]
            .filter(Boolean)
            .join(', '),
    ],
  ];
  return (
    <dl className="about">
      {facts.map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function Attempts({ job }: { readonly job: MediaJob }) {
  const { m, f } = useI18n();
  return (
    <section aria-labelledby="job-attempts">
      <h2 id="job-attempts">{m.job.attempts}</h2>
      <ul className="attempts">
        {job.status.attempts.toReversed().map((attempt) => (
          <li key={`${attempt.stage} ${attempt.shard} ${attempt.attempt} ${attempt.finishedAt}`}>
            <span>
              {fill(m.job.attemptAt, { stage: m.stage[attempt.stage], n: f.number(attempt.attempt) })}
              {attempt.counted ? '' : ` (${m.job.uncounted})`}
            </span>
            <span>{m.failure[attempt.reason].what}</span>
            <span className="mono">{attempt.message}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
