import type { StageName, StageStatus } from '@mediajob/contract';
import { stageFraction } from './progress.js';
import { endOf } from './retry.js';
import type { StageGraph, StageView } from './stages.js';

/** The stages as people see them. Percent never goes back within an attempt. */
export function stageStatuses(
  graph: StageGraph,
  attempt: number,
  before: readonly StageStatus[],
  now: string,
): StageStatus[] {
  return graph.stages.map((stage) => {
    const old = before.find((it) => it.name === stage.name && it.attempt === attempt);
    return stageStatus(stage, graph, attempt, old, now);
  });
}

function stageStatus(
  stage: StageView,
  graph: StageGraph,
  attempt: number,
  old: StageStatus | undefined,
  now: string,
): StageStatus {
  const state = stateOf(stage);
  const percent = state === 'Succeeded' || state === 'Skipped' ? 100 : Math.floor(100 * stageFraction(stage) * 10) / 10;
  const times = timesOf(stage, graph, state, old, now);
  const worst =
    stage.shards.find((shard) => shard.state === 'failed') ?? stage.shards.find((shard) => shard.state === 'again');
  const failure = worst?.outcome?.failure;
  const done = stage.shards.filter((shard) => shard.state === 'done').length;
  return {
    name: stage.name,
    state,
    percent: Math.max(old?.percent ?? 0, Math.min(percent, state === 'Succeeded' || state === 'Skipped' ? 100 : 99.9)),
    shards: Math.max(1, stage.name === 'transcribe' ? graph.shards : 1),
    shardsDone: stage.state === 'done' ? Math.max(1, stage.shards.length) : done,
    attempt,
    ...times,
    ...(failure === undefined || stage.state === 'done'
      ? {}
      : { reason: failure.reason, message: failure.message.slice(0, 1024) }),
  };
}

function stateOf(stage: StageView): StageStatus['state'] {
  switch (stage.state) {
    case 'blocked':
      return 'Pending';
    case 'skipped':
      return 'Skipped';
    case 'done':
      return 'Succeeded';
    case 'failed':
      return 'Failed';
    case 'open':
      return stage.shards.some((shard) => shard.state === 'running') ? 'Running' : 'Queued';
  }
}

function timesOf(
  stage: StageView,
  graph: StageGraph,
  state: StageStatus['state'],
  old: StageStatus | undefined,
  now: string,
): Pick<StageStatus, 'startedAt' | 'finishedAt'> {
  const starts = stage.shards.flatMap(({ run }) => (run?.startedAt === undefined ? [] : [run.startedAt]));
  const startedAt = old?.startedAt ?? earliest(starts) ?? (state === 'Running' ? now : undefined);
  const ended = state === 'Succeeded' || state === 'Failed';
  const ends = stage.shards.flatMap(({ run }) => (run?.finishedAt === undefined ? [] : [endOf(run)]));
  // Finalize that ran inside its one shard has no run of its own.
  const inherited = graph.stages.find((it) => it.name === 'transcribe')?.shards[0]?.run?.finishedAt;
  const finishedAt = ended
    ? (old?.finishedAt ?? latest(ends) ?? (stage.name === 'finalize' ? inherited : undefined) ?? now)
    : undefined;
  return {
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** What is not done stays undone: stages of a job that stopped on the way. */
export function atRest(stages: readonly StageStatus[]): StageStatus[] {
  return stages.map((stage) =>
    stage.state === 'Running' || stage.state === 'Queued' ? { ...stage, state: 'Pending' as const } : stage,
  );
}

function earliest(times: readonly string[]): string | undefined {
  return times.reduce<string | undefined>((best, time) => (best === undefined || time < best ? time : best), undefined);
}

function latest(times: readonly string[]): string | undefined {
  return times.reduce<string | undefined>((best, time) => (best === undefined || time > best ? time : best), undefined);
}

/** Names of stages in sentences. */
export const STAGE_WORDS: Record<StageName, string> = {
  convert: 'conversion',
  transcribe: 'transcription',
  finalize: 'writing of the transcript',
  render: 'rendering',
  cleanup: 'cleanup',
};
