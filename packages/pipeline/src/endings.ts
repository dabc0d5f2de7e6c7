import type { ConditionReason, FailureReason } from '@mediajob/contract';
import { type ConditionUpdate, withConditions } from './conditions.js';
import type { Decision, StopReason } from './decision.js';
import { eventsBetween } from './events.js';
import type { Observed } from './observed.js';
import { forgetEnded, stopAll } from './runs-actions.js';
import { atRest, STAGE_WORDS } from './stage-status.js';
import type { StageGraph, StageView } from './stages.js';
import { factsOf, timeOf, workConditions } from './statuses.js';
import { sentence } from './waiting.js';

export interface EndingReason {
  readonly reason: ConditionReason;
  readonly message: string;
}

/** Everything that was asked for is done. */
export function endSucceeded(observed: Observed, graph: StageGraph, attempt: number, now: number): Decision {
  const { job } = observed;
  const facts = factsOf(observed, graph, attempt, true, now);
  const message = facts.outputs.length === 1 ? '1 file is ready.' : `${facts.outputs.length} files are ready.`;
  const updates: ConditionUpdate[] = [
    ...workConditions(observed, graph),
    { type: 'Queued', status: 'False', reason: 'Finished', message: 'The job has ended.' },
    { type: 'Succeeded', status: 'True', reason: 'Succeeded', message },
    { type: 'Failed', status: 'False', reason: 'NotFailed', message: 'The job has not failed.' },
  ];
  const after = {
    ...facts,
    phase: 'Succeeded' as const,
    conditions: withConditions(job.status.conditions, updates, job.metadata.generation, timeOf(now)),
    finishedAt: timeOf(now),
    message,
  };
  return {
    actions: [...stopAll(observed.runs, 'finished'), ...forgetEnded(observed.runs)],
    status: after,
    events: eventsBetween(job.status, after),
    requeueAfterMs: job.spec.ttlSecondsAfterFinished === undefined ? undefined : 0,
  };
}

/** A stage failed for good, and nothing else is left to do. */
export function endFailed(
  observed: Observed,
  graph: StageGraph,
  attempt: number,
  failed: readonly StageView[],
  now: number,
): Decision {
  const [stage] = failed;
  const shard = stage?.shards.find((it) => it.state === 'failed');
  const failure = shard?.outcome?.failure;
  if (stage === undefined || failure === undefined) throw new TypeError('a failed stage has a run that failed');
  const what = STAGE_WORDS[stage.name];
  const cause = sentence(failure.message);
  const reason = conditionReasonOf(failure.reason);
  const message =
    reason === 'RetriesExhausted'
      ? `The ${what} failed ${times(shard?.outcome?.tally.counted ?? 1)}, the last time with ${failure.reason}: ${cause} Retry the job when the cause is mended: what is finished is kept.`
      : `The ${what} failed: ${cause}`;
  return endWith(observed, graph, attempt, 'Failed', { reason, message }, now);
}

/** Ends a job short of success: failed or cancelled. Files that are finished stay. */
export function endWith(
  observed: Observed,
  graph: StageGraph,
  attempt: number,
  phase: 'Failed' | 'Cancelled',
  { reason, message: fullMessage }: EndingReason,
  now: number,
): Decision {
  const { job } = observed;
  const message = fullMessage.slice(0, 1024);
  const facts = factsOf(observed, graph, attempt, false, now);
  const refused = reason === 'SourceNotAllowed' || reason === 'InvalidSpec';
  const updates: ConditionUpdate[] = [
    ...workConditions(observed, graph).map((update) =>
      refused && update.type === 'Accepted' ? { ...update, status: 'False' as const, reason, message } : update,
    ),
    { type: 'Queued', status: 'False', reason: 'Finished', message: 'The job has ended.' },
    { type: 'Succeeded', status: 'False', reason, message },
    { type: 'Failed', status: 'True', reason, message },
  ];
  const { etaSeconds: _eta, etaText: _text, ...progress } = facts.progress;
  const after = {
    ...facts,
    phase,
    stages: atRest(facts.stages),
    progress,
    conditions: withConditions(job.status.conditions, updates, job.metadata.generation, timeOf(now)),
    finishedAt: timeOf(now),
    message,
  };
  const why: StopReason = phase === 'Cancelled' ? 'cancelled' : reason === 'DeadlineExceeded' ? 'deadline' : 'failed';
  return {
    actions: [...stopAll(observed.runs, why), ...forgetEnded(observed.runs)],
    status: after,
    events: eventsBetween(job.status, after),
    requeueAfterMs: job.spec.ttlSecondsAfterFinished === undefined ? undefined : 0,
  };
}

/** Causes that a retry cannot mend keep their name; the rest has used up its retries. */
function conditionReasonOf(reason: FailureReason): ConditionReason {
  switch (reason) {
    case 'UnsupportedMedia':
    case 'InputNotFound':
    case 'InvalidArguments':
    case 'BadChecksum':
      return reason;
    default:
      return 'RetriesExhausted';
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`;
}
