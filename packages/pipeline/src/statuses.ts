import { Annotation, type MediaJobStatus, type OutputRecord } from '@mediajob/contract';
import { attemptRecords } from './attempts.js';
import { type ConditionUpdate, findCondition, withConditions } from './conditions.js';
import { isLive, type Observed } from './observed.js';
import { activePhase } from './phase.js';
import { durationText, progressOf, usageOf } from './progress.js';
import { atRest, STAGE_WORDS, stageStatuses } from './stage-status.js';
import { resultsOf, type StageGraph, stageGraph } from './stages.js';
import { heldUpBy, sentence, waitingReason } from './waiting.js';

/** RFC 3339 in UTC. */
export function timeOf(now: number): string {
  return new Date(now).toISOString();
}

/** What every status of an attempt says, whatever the phase. */
export function factsOf(
  observed: Observed,
  graph: StageGraph,
  attempt: number,
  done: boolean,
  now: number,
): MediaJobStatus {
  const { job } = observed;
  const before = job.status;
  const same = before.attempt === attempt;
  const media = graph.converted?.media ?? before.media;
  const language = languageOf(graph) ?? before.language;
  const usage = usageOf(graph, same ? before.usage : undefined);
  const stages = stageStatuses(graph, attempt, before.stages, timeOf(now));
  const retryToken = job.metadata.annotations?.[Annotation.retry] ?? before.retryToken;
  return {
    observedGeneration: job.metadata.generation,
    phase: before.phase,
    attempt,
    ...(retryToken === undefined ? {} : { retryToken }),
    stages,
    progress: progressOf({ job, graph, stages, before: same ? before.progress : undefined, done, now }),
    ...(media === undefined ? {} : { media, durationText: durationText(media.durationMs) }),
    ...(language === undefined ? {} : { language }),
    ...(usage === undefined ? {} : { usage }),
    outputs: outputsOf(graph, before.outputs),
    attempts: attemptRecords(observed),
    conditions: before.conditions,
    startedAt: same ? (before.startedAt ?? timeOf(now)) : timeOf(now),
    message: before.message,
  };
}

/** Conditions about work done, the same in every phase. */
export function workConditions(observed: Observed, graph: StageGraph): ConditionUpdate[] {
  const isDone = (name: string) =>
    graph.stages.every((stage) => stage.name !== name || stage.state === 'done' || stage.state === 'skipped');
  const converted = isDone('convert') && isDone('render');
  const transcribed = isDone('transcribe') && isDone('finalize');
  return [
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The job is accepted.' },
    converted
      ? { type: 'Converted', status: 'True', reason: 'Converted', message: 'The media is converted.' }
      : { type: 'Converted', status: 'False', reason: 'InProgress', message: 'The media is not converted yet.' },
    observed.job.spec.transcribe === undefined
      ? { type: 'Transcribed', status: 'False', reason: 'NotAskedFor', message: 'No transcript was asked for.' }
      : transcribed
        ? { type: 'Transcribed', status: 'True', reason: 'Transcribed', message: 'The transcript is there.' }
        : { type: 'Transcribed', status: 'False', reason: 'InProgress', message: 'There is no transcript yet.' },
  ];
}

const UNDECIDED: ConditionUpdate[] = [
  { type: 'Succeeded', status: 'False', reason: 'InProgress', message: 'The job has not ended.' },
  { type: 'Failed', status: 'False', reason: 'NotFailed', message: 'The job has not failed.' },
];

/** Of a job that runs, or waits for something. */
export function workingStatus(observed: Observed, graph: StageGraph, attempt: number, now: number): MediaJobStatus {
  const { job, runs } = observed;
  const resumed = job.status.phase === 'Suspended';
  const facts = factsOf(observed, graph, attempt, false, now);
  const phase = activePhase(graph);
  const lettingGo = runs.some((run) => run.key.attempt !== attempt && isLive(run));
  const failed = graph.stages.find((stage) => stage.state === 'failed');
  const failure = failed?.shards.find((shard) => shard.state === 'failed')?.outcome?.failure;
  const queued = lettingGo
    ? { reason: 'WaitingForWorker' as const, message: 'Runs of the earlier attempt are being stopped.' }
    : (waitingReason(graph, observed, now) ?? {
        reason: 'WaitingForWorker' as const,
        message: `The ${STAGE_WORDS[graph.stages.find((stage) => stage.state === 'open')?.name ?? 'convert']} waits for a free worker.`,
      });
  const heldUp = phase === 'Queued' ? undefined : heldUpBy(graph, observed, now);
  const unmet = (heldUp ?? queued).reason === 'ProfileNotFound' ? (heldUp ?? queued) : undefined;
  const updates: ConditionUpdate[] = [
    ...workConditions(observed, graph).map((update) =>
      update.type === 'Accepted' && unmet !== undefined ? ({ ...update, status: 'False', ...unmet } as const) : update,
    ),
    ...(findCondition(job.status.conditions, 'Suspended') === undefined
      ? []
      : [{ type: 'Suspended', status: 'False', reason: 'Resumed', message: 'The job goes on.' } as const]),
    phase === 'Queued'
      ? { type: 'Queued', status: 'True', ...queued }
      : { type: 'Queued', status: 'False', reason: 'Running', message: 'The job is running.' },
    ...UNDECIDED,
  ];
  const message =
    failed !== undefined && failure !== undefined
      ? `The ${STAGE_WORDS[failed.name]} failed: ${sentence(failure.message)} What does not need it goes on.`
      : phase === 'Queued'
        ? queued.message
        : (heldUp?.message ?? '');
  return {
    ...facts,
    phase,
    conditions: withConditions(job.status.conditions, updates, job.metadata.generation, timeOf(now)),
    // As with batch/v1 Jobs, the deadline counts anew from where a suspended job goes on.
    ...(resumed ? { startedAt: timeOf(now) } : {}),
    message: message.slice(0, 1024),
  };
}

export function suspendedStatus(observed: Observed, graph: StageGraph, attempt: number, now: number): MediaJobStatus {
  const { job } = observed;
  const facts = factsOf(observed, graph, attempt, false, now);
  const message = 'The job is suspended; what is finished is kept. Resume it to go on.';
  const updates: ConditionUpdate[] = [
    ...workConditions(observed, graph),
    { type: 'Suspended', status: 'True', reason: 'Suspended', message },
    { type: 'Queued', status: 'False', reason: 'Suspended', message },
    ...UNDECIDED,
  ];
  const { etaSeconds: _eta, etaText: _text, ...progress } = facts.progress;
  return {
    ...facts,
    phase: 'Suspended',
    stages: atRest(facts.stages),
    progress,
    conditions: withConditions(job.status.conditions, updates, job.metadata.generation, timeOf(now)),
    message,
  };
}

/** Of a new attempt before anything of it runs. */
export function newAttemptStatus(observed: Observed, attempt: number, now: number): MediaJobStatus {
  const { job } = observed;
  const graph = stageGraph({ ...observed, runs: [] }, attempt);
  const facts = factsOf({ ...observed }, graph, attempt, false, now);
  const message = `Attempt ${attempt} begins; what is finished is not done again.`;
  const updates: ConditionUpdate[] = [
    ...workConditions(observed, graph),
    { type: 'Queued', status: 'True', reason: 'WaitingForWorker', message },
    ...UNDECIDED,
  ];
  return {
    ...facts,
    phase: 'Pending',
    conditions: withConditions(job.status.conditions, updates, job.metadata.generation, timeOf(now)),
    message,
  };
}

function languageOf(graph: StageGraph): string | undefined {
  if (graph.finalized !== undefined) return graph.finalized.language;
  for (const stage of graph.stages) {
    for (const result of resultsOf(stage)) if (result.stage === 'transcribe') return result.language;
  }
  return undefined;
}

/** Outputs of before, replaced by what this attempt wrote. */
function outputsOf(graph: StageGraph, before: readonly OutputRecord[]): OutputRecord[] {
  const outputs = new Map(before.map((output) => [output.name, output]));
  const render = graph.stages.find((stage) => stage.name === 'render');
  const rendered = render === undefined ? [] : resultsOf(render);
  for (const output of graph.finalized?.outputs ?? []) outputs.set(output.name, output);
  for (const result of rendered) {
    if (result.stage === 'render') for (const output of result.outputs) outputs.set(output.name, output);
  }
  return [...outputs.values()];
}
