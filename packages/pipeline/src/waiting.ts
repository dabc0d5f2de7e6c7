import type { ConditionReason } from '@mediajob/contract';
import { STAGE_WORDS } from './stage-status.js';
import type { ShardView, StageGraph, StageView } from './stages.js';

export interface WaitingReason {
  readonly reason: Extract<
    ConditionReason,
    'WaitingForWorker' | 'WorkerUnreachable' | 'WaitingForRetry' | 'StorageFull' | 'ModelMissing'
  >;
  readonly message: string;
}

/** The worst first: what a person can mend outranks what passes by itself. */
const ORDER: readonly WaitingReason['reason'][] = [
  'StorageFull',
  'ModelMissing',
  'WorkerUnreachable',
  'WaitingForRetry',
  'WaitingForWorker',
];

/** What the job waits for: the most telling reason among its runs; undefined when none waits. */
export function waitingReason(graph: StageGraph): WaitingReason | undefined {
  const reasons = graph.stages
    .filter((stage) => stage.state === 'open')
    .flatMap((stage) => stage.shards.flatMap((shard) => reasonOf(stage, shard) ?? []));
  return reasons.sort((a, b) => ORDER.indexOf(a.reason) - ORDER.indexOf(b.reason))[0];
}

function reasonOf(stage: StageView, shard: ShardView): WaitingReason | undefined {
  const what = STAGE_WORDS[stage.name];
  if (shard.state === 'pending') {
    return shard.run?.waiting ?? { reason: 'WaitingForWorker', message: `The ${what} waits for a free worker.` };
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

/** Ends with a full stop, so that another sentence can follow. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
