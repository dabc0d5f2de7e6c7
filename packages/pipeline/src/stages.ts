import {
  type ConvertResult,
  type FinalizeResult,
  hasSubtitles,
  type MediaJob,
  type StageName,
  type StepResult,
} from '@mediajob/contract';
import { chunkTarget } from './chunk-target.js';
import { isLive, NO_TALLY, type Observed, type ObservedRun, type PipelinePolicy, type Tally } from './observed.js';
import { type Outcome, outcomeOf } from './retry.js';
import { newestRuns } from './runs-actions.js';
import { shardCount } from './shards.js';

/** again: the last try ended, and another one is due at `outcome.notBefore`. */
export type ShardState = 'absent' | 'pending' | 'running' | 'again' | 'done' | 'failed';

export interface ShardView {
  readonly shard: number;
  readonly state: ShardState;
  /** Newest run in the current attempt. */
  readonly run: ObservedRun | undefined;
  /** Of that run, once it ended. */
  readonly outcome: Outcome | undefined;
  /** Work done, 0 to 1. */
  readonly fraction: number;
  /** What the next try would carry. */
  readonly tally: Tally;
}

/**
 * blocked: a stage before it is not done. open: some of its runs can be started, run, or wait.
 * skipped: there is nothing to do in it.
 */
export type StageViewState = 'blocked' | 'open' | 'done' | 'failed' | 'skipped';

export interface StageView {
  readonly name: StageName;
  readonly state: StageViewState;
  readonly shards: readonly ShardView[];
}

/** The stages that a job asks for, in the contract's order, with what is known of each. */
export interface StageGraph {
  readonly stages: readonly StageView[];
  readonly converted: ConvertResult | undefined;
  readonly finalized: FinalizeResult | undefined;
  /** Chunks of the plan and shards of the transcribe stage; 0 until convert is done. */
  readonly chunks: number;
  readonly shards: number;
}

/** Lays the runs of `attempt` over the stages that the spec asks for. */
export function stageGraph(observed: Observed, attempt: number): StageGraph {
  const { job, policy } = observed;
  const runs = newestRuns(observed.runs, attempt);
  const look = (name: StageName, shards: number, ready: boolean): StageView =>
    stageView(name, shardViews(runs, name, shards, job.spec.retries, policy), ready);

  const convert = look('convert', 1, true);
  const convertDone = convert.state === 'done';
  const converted = resultsOf(convert).find((result) => result.stage === 'convert');
  const stages: StageView[] = [convert];

  const chunks = converted?.chunks ?? 0;
  const shards = convertDone ? pinnedShards(job, attempt, chunks, policy) : 0;
  let finalized: FinalizeResult | undefined;

  if (job.spec.transcribe !== undefined) {
    const silent = convertDone && chunks === 0;
    const transcribe: StageView = silent
      ? { name: 'transcribe', state: 'skipped', shards: [] }
      : look('transcribe', Math.max(1, shards), convertDone);
    const transcribed = transcribe.state === 'done' || transcribe.state === 'skipped';
    const inside = resultsOf(transcribe).find((result) => result.stage === 'transcribe')?.finalize;
    const own = look('finalize', 1, transcribed);
    finalized = resultsOf(own).find((result) => result.stage === 'finalize') ?? (transcribed ? inside : undefined);
    // With one shard, finalize ran inside it.
    const finalize: StageView = finalized === undefined ? own : { ...own, state: 'done' };
    stages.push(transcribe, finalize);
  }
  const { renditions } = job.spec.convert;
  if (renditions.length > 0) {
    // One run makes them all: with subtitles among them it waits for the transcript, without any it runs beside it.
    const texts = !renditions.some(hasSubtitles) || finalized !== undefined;
    stages.push(look('render', 1, convertDone && texts));
  }
  return { stages, converted, finalized, chunks, shards };
}

/** The number of shards is fixed once convert is done, whatever the settings are later. */
function pinnedShards(job: MediaJob, attempt: number, chunks: number, policy: PipelinePolicy): number {
  const before = job.status.stages;
  const convert = before.find((stage) => stage.name === 'convert');
  const transcribe = before.find((stage) => stage.name === 'transcribe');
  const pinned = convert?.state === 'Succeeded' && convert.attempt === attempt && transcribe !== undefined;
  const count = pinned ? transcribe.shards : shardCount(chunks, chunkTarget(job, policy).perShard);
  return Math.min(count, chunks);
}

function shardViews(
  runs: ReadonlyMap<string, ObservedRun>,
  stage: StageName,
  shards: number,
  retries: number,
  policy: PipelinePolicy,
): ShardView[] {
  return Array.from({ length: shards }, (_, shard) => shardView(shard, runs.get(`${stage}/${shard}`), retries, policy));
}

export function shardView(
  shard: number,
  run: ObservedRun | undefined,
  retries: number,
  policy: PipelinePolicy,
): ShardView {
  if (run === undefined) {
    return { shard, state: 'absent', run, outcome: undefined, fraction: 0, tally: NO_TALLY };
  }
  if (isLive(run)) {
    const fraction = Math.max(run.tally.bestFraction, run.progress?.fraction ?? 0);
    return {
      shard,
      state: run.state === 'running' ? 'running' : 'pending',
      run,
      outcome: undefined,
      fraction,
      tally: run.tally,
    };
  }
  const outcome = outcomeOf(run, retries, policy);
  const state = outcome.verdict === 'done' ? 'done' : outcome.verdict === 'fail' ? 'failed' : 'again';
  return {
    shard,
    state,
    run,
    outcome,
    fraction: state === 'done' ? 1 : outcome.tally.bestFraction,
    tally: outcome.tally,
  };
}

function stageView(name: StageName, shards: readonly ShardView[], ready: boolean): StageView {
  if (!ready) return { name, state: 'blocked', shards };
  if (shards.some((shard) => shard.state === 'failed')) return { name, state: 'failed', shards };
  if (shards.every((shard) => shard.state === 'done')) return { name, state: 'done', shards };
  return { name, state: 'open', shards };
}

/** Results of the shards that are done, in their order. */
export function resultsOf(stage: StageView): StepResult[] {
  return stage.shards.flatMap((shard) =>
    shard.state === 'done' && shard.run?.result !== undefined ? [shard.run.result] : [],
  );
}

export function isSettled(stage: StageView): boolean {
  return stage.state === 'done' || stage.state === 'skipped' || stage.state === 'failed';
}
