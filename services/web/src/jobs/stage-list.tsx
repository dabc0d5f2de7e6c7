import type { MediaJob, StageStatus } from '@mediajob/contract';
import { ProgressBar } from '../components/progress-bar.tsx';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { shownStages } from './job-facts.ts';

/** The stages of a job with what each has done. */
export function StageList({ job, now }: { readonly job: MediaJob; readonly now: number }) {
  const { m } = useI18n();
  return (
    <ol className="stages" aria-label={m.job.stages}>
      {shownStages(job).map((stage) => (
        <Stage key={stage.name} stage={stage} now={now} />
      ))}
    </ol>
  );
}

function Stage({ stage, now }: { readonly stage: StageStatus; readonly now: number }) {
  const { m, f } = useI18n();
  const running = stage.state === 'Running';
  const end = stage.finishedAt === undefined ? now : Date.parse(stage.finishedAt);
  const took = stage.startedAt === undefined ? undefined : f.span(Math.max(0, end - Date.parse(stage.startedAt)));
  const shards =
    stage.shards > 1 ? fill(m.job.shards, { done: f.number(stage.shardsDone), n: f.number(stage.shards) }) : undefined;
  return (
    <li className={`stage stage-${stage.state.toLowerCase()}`}>
      <span className="stage-name">{m.stage[stage.name]}</span>
      <span className="stage-facts">
        {[running ? f.percent(stage.percent) : m.job.stageState[stage.state], shards, took].filter(Boolean).join(' · ')}
      </span>
      {running ? <ProgressBar percent={stage.percent} label={m.stage[stage.name]} /> : null}
    </li>
  );
}
