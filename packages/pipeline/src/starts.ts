import type { RunKey } from '@mediajob/contract';
import type { Observed, Tally } from './observed.js';
import type { ShardView, StageView } from './stages.js';
import { nextTry } from './taken.js';

export interface Start {
  readonly key: RunKey;
  readonly tally: Tally;
}

export interface Starts {
  readonly now: readonly Start[];
  /** ms of the epoch at which a shard that waits for its next try may start. */
  readonly due: readonly number[];
}

/**
 * Which runs of an open stage start now: no more at once than asked for, the lowest shard first. With `batchShards` the
 * first tries of all shards are one start, which the runtime holds to the limit itself.
 *
 * @param hurry a person's retry ends all waiting
 */
export function startsOf(stage: StageView, observed: Observed, attempt: number, hurry: boolean, now: number): Starts {
  const batches = observed.policy.batchShards === true && stage.name === 'transcribe' && stage.shards.length > 1;
  const keyOf = ({ shard, run }: ShardView): RunKey => {
    const of = { stage: stage.name, shard, attempt };
    return { ...of, try: nextTry(observed, of, run?.key.try) };
  };
  if (batches && stage.shards.every((shard) => shard.state === 'absent' && keyOf(shard).try === 1)) {
    return { now: stage.shards.map((shard) => ({ key: keyOf(shard), tally: shard.tally })), due: [] };
  }
  const starts: Start[] = [];
  const due: number[] = [];
  let free = limitOf(stage, observed) - stage.shards.filter(isUnderWay).length;
  for (const shard of stage.shards) {
    if (free <= 0) break;
    const notBefore = startTime(shard, hurry);
    if (notBefore === undefined) continue;
    if (notBefore > now) {
      due.push(notBefore);
      continue;
    }
    const key = keyOf(shard);
    // The one start of all first tries has been; what somebody removed of it is tried again by itself.
    starts.push({ key: batches ? { ...key, try: Math.max(2, key.try) } : key, tally: shard.tally });
    free -= 1;
  }
  return { now: starts, due };
}

function limitOf(stage: StageView, { job }: Observed): number {
  return stage.name === 'transcribe' ? (job.spec.transcribe?.parallelism ?? 1) : 1;
}

function isUnderWay(shard: ShardView): boolean {
  return shard.state === 'pending' || shard.state === 'running';
}

/** When the next try of a shard may start; undefined: there is none to start. */
function startTime(shard: ShardView, hurry: boolean): number | undefined {
  if (shard.state === 'absent') return 0;
  if (shard.state !== 'again' || shard.outcome === undefined) return undefined;
  return hurry ? 0 : shard.outcome.notBefore;
}
