import type { ConditionReason } from '@mediajob/contract';
import type { Observed, Waiting } from './observed.js';
import { STAGE_WORDS } from './stage-status.js';
import type { ShardView, StageGraph, StageView } from './stages.js';

export interface WaitingReason {
  readonly reason: Waiting['reason'] | Extract<ConditionReason, 'WaitingForRetry' | 'StorageFull' | 'ModelMissing'>;
  readonly message: string;
}

/** The worst first: what a person can mend outranks what passes by itself. */
const ORDER: readonly WaitingReason['reason'][] = [
  'StorageFull',
  'ModelMissing',
  'ProfileNotFound',
  'NameConflict',
  'PodRefused',
  'ImageUnavailable',
  'VolumePending',
  'NodeLost',
  'WorkerUnreachable',
  'Unschedulable',
  'WaitingForQuota',
  'WaitingForRetry',
  'WaitingForWorker',
];

/** Worth telling also of a job some of whose runs get on. */
const TOLD_WHILE_RUNNING: ReadonlySet<WaitingReason['reason']> = new Set([
  'ProfileNotFound',
  'NameConflict',
  'PodRefused',
  'ImageUnavailable',
  'VolumePending',
  'NodeLost',
  'Unschedulable',
  'WaitingForQuota',
]);

/** What the job waits for: the most telling reason among its runs; undefined when none waits. */
export function waitingReason(graph: StageGraph, observed: Observed, now: number): WaitingReason | undefined {
  const reasons = graph.stages
    .filter((stage) => stage.state === 'open')
    .flatMap((stage) => stage.shards.flatMap((shard) => reasonOf(stage, shard, observed, now) ?? []));
  return reasons.sort((a, b) => ORDER.indexOf(a.reason) - ORDER.indexOf(b.reason))[0];
}

/** What holds up a job although something of it runs. */
export function heldUpBy(graph: StageGraph, observed: Observed, now: number): WaitingReason | undefined {
  const reason = waitingReason(graph, observed, now);
  return reason !== undefined && TOLD_WHILE_RUNNING.has(reason.reason) ? reason : undefined;
}

function reasonOf(stage: StageView, shard: ShardView, observed: Observed, now: number): WaitingReason | undefined {
  const what = STAGE_WORDS[stage.name];
  if (shard.state === 'pending') {
    return shard.run?.waiting ?? { reason: 'WaitingForWorker', message: `The ${what} waits for a free worker.` };
  }
  if (shard.state === 'running') return shard.run?.waiting;
  if (shard.state === 'absent' || (shard.state === 'again' && (shard.outcome?.notBefore ?? 0) <= now)) {
    const obstacle = obstacleOf(stage, shard, observed);
    if (obstacle !== undefined) return obstacle;
  }
  if (shard.state !== 'again' || shard.outcome?.waiting === undefined) return undefined;
  const { waiting, notBefore, failure } = shard.outcome;
  const at = `${new Date(notBefore).toISOString().slice(0, 19)}Z`;
  const cause = failure === undefined ? '' : sentence(failure.message);
  switch (waiting) {
    case 'StorageFull':
      return {
        reason: waiting,
        message: `${cause} Nothing is lost: free some space, and the ${what} goes on by itself at ${at}.`,
      };
    case 'ModelMissing':
      return {
        reason: waiting,
        message: `${cause} Install the model, and the ${what} goes on by itself; it looks again at ${at}.`,
      };
    case 'WaitingForRetry':
      return { reason: waiting, message: `The ${what} is tried again at ${at}. Last time: ${cause}` };
  }
}

/** Why a run that could start was not started. */
function obstacleOf(stage: StageView, shard: ShardView, { held, refused = [] }: Observed): Waiting | undefined {
  if (held !== undefined) return held;
  return refused.find(({ key }) => key.stage === stage.name && key.shard === shard.shard)?.waiting;
}

/** Ends with a full stop, so that another sentence can follow. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
