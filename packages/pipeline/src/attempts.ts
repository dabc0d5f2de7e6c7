import type { AttemptRecord, MediaJob } from '@mediajob/contract';
import type { Observed, ObservedRun } from './observed.js';
import { endOf, outcomeOf } from './retry.js';

const MOST_RECORDS = 10;

/**
 * The last failed runs, newest last. Derived anew each time from what is recorded and what is observed, so that looking
 * twice records nothing twice. A cause that repeats without being counted (a full disk) keeps one record.
 */
export function attemptRecords({ job, runs, policy }: Observed): AttemptRecord[] {
  const records = new Map<string, AttemptRecord>();
  for (const record of job.status.attempts) records.set(identity(record), record);
  for (const run of runs) {
    const record = recordOf(run, job, policy);
    if (record === undefined) continue;
    const id = identity(record);
    const known = records.get(id);
    if (known === undefined || known.finishedAt < record.finishedAt) records.set(id, record);
  }
  return [...records.values()]
    .sort((a, b) => compare(a.finishedAt, b.finishedAt) || compare(identity(a), identity(b)))
    .slice(-MOST_RECORDS);
}

function recordOf(run: ObservedRun, job: MediaJob, policy: Observed['policy']): AttemptRecord | undefined {
  if (run.state === 'pending' || run.state === 'running' || run.key.stage === 'cleanup') return undefined;
  const { failure, counted } = outcomeOf(run, job.spec.retries, policy);
  if (failure === undefined) return undefined;
  return {
    stage: run.key.stage,
    shard: run.key.shard,
    attempt: run.key.attempt,
    exitCode: failure.exitCode,
    reason: failure.reason,
    message: failure.message.slice(0, 1024),
    counted,
    ...(run.startedAt === undefined ? {} : { startedAt: run.startedAt }),
    finishedAt: endOf(run),
  };
}

function identity(record: AttemptRecord): string {
  const of = `${record.stage}/${record.shard}/${record.attempt}/${record.reason}`;
  return record.counted ? `${of}/${record.finishedAt}` : of;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
