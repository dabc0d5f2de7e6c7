import type { Action, StopReason } from './decision.js';
import { isLive, type ObservedRun } from './observed.js';

/** Asks every live run to stop that was not asked yet. */
export function stopAll(runs: readonly ObservedRun[], why: StopReason): Action[] {
  return runs.filter((run) => isLive(run) && run.stopRequested !== true).map(({ key }) => ({ type: 'stop', key, why }));
}

/** Lets go of runs that ended and that `keep` does not need. */
export function forgetEnded(runs: readonly ObservedRun[], keep: ReadonlySet<ObservedRun> = new Set()): Action[] {
  return runs.filter((run) => !isLive(run) && !keep.has(run)).map(({ key }) => ({ type: 'forget', key }));
}

/** The newest try of each stage and shard in an attempt: the runs whose outcomes count. By `<stage>/<shard>`. */
export function newestRuns(runs: readonly ObservedRun[], attempt: number): Map<string, ObservedRun> {
  const newest = new Map<string, ObservedRun>();
  for (const run of runs) {
    if (run.key.attempt !== attempt) continue;
    const id = `${run.key.stage}/${run.key.shard}`;
    const other = newest.get(id);
    if (other === undefined || other.key.try < run.key.try) newest.set(id, run);
  }
  return newest;
}
