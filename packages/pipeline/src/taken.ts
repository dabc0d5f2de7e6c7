import type { RunKey } from '@mediajob/contract';
import type { Observed } from './observed.js';

/** The highest attempt that anything tells of: the status, runs, and the names of runs that are spent. */
export function highestAttempt({ job, runs, spent = [] }: Observed): number {
  let highest = job.status.attempt;
  for (const { key } of runs) highest = Math.max(highest, key.attempt);
  for (const { attempt } of spent) highest = Math.max(highest, attempt);
  return highest;
}

/** The first number of a try whose name is free: after the newest run that is known, and after all that are spent. */
export function nextTry(observed: Observed, key: Omit<RunKey, 'try'>, newest: number | undefined): number {
  let last = newest ?? 0;
  for (const it of observed.spent ?? []) {
    const same = it.stage === key.stage && it.attempt === key.attempt && (it.shard ?? key.shard) === key.shard;
    if (same) last = Math.max(last, it.try);
  }
  return last + 1;
}
