import type { Action, Decision } from './decision.js';
import { isLive, type Observed } from './observed.js';
import { stepRequest } from './requests.js';
import { outcomeOf } from './retry.js';
import { newestRuns, stopAll } from './runs-actions.js';
import { shardView } from './stages.js';
import { sentence } from './waiting.js';

/**
 * Deletion: stop every run, wait until none is left, remove the files, drop the object. It is tried until it is done:
 * a job that is half deleted helps nobody.
 */
export function decideDeletion(observed: Observed, now: number): Decision {
  const { job, runs, policy } = observed;
  const attempt = Math.max(job.status.attempt, ...runs.map((run) => run.key.attempt));
  const say = (message: string) => ({ ...job.status, observedGeneration: job.metadata.generation, message });

  const working = runs.filter((run) => run.key.stage !== 'cleanup' && isLive(run));
  if (working.length > 0) {
    return {
      actions: stopAll(working, 'deleted'),
      status: say('The job is being deleted: its runs are stopped first.'),
      events: [],
      requeueAfterMs: undefined,
    };
  }

  const newest = newestRuns(runs, attempt).get('cleanup/0');
  const cleanup = shardView(0, newest, Number.POSITIVE_INFINITY, policy);
  const forgotten: Action[] = runs
    .filter((run) => run !== newest && !isLive(run))
    .map(({ key }) => ({ type: 'forget', key }));
  if (cleanup.state === 'done') {
    return { actions: [{ type: 'remove' }], status: say('The job is deleted.'), events: [], requeueAfterMs: undefined };
  }
  const removing = say('The job is being deleted: its files are being removed.');
  if (cleanup.state === 'pending' || cleanup.state === 'running') {
    return { actions: forgotten, status: removing, events: [], requeueAfterMs: undefined };
  }
  if (newest !== undefined && cleanup.outcome !== undefined && cleanup.outcome.notBefore > now) {
    const { failure, notBefore } = outcomeOf(newest, Number.POSITIVE_INFINITY, policy);
    const cause = sentence(failure?.message ?? 'The cleanup was stopped.');
    return {
      actions: forgotten,
      status: say(`The job’s files could not be removed yet; it is tried again. ${cause}`.slice(0, 1024)),
      events: [],
      requeueAfterMs: notBefore - now,
    };
  }
  const key = { stage: 'cleanup', shard: 0, attempt, try: (newest?.key.try ?? 0) + 1 } as const;
  return {
    actions: [
      ...forgotten,
      {
        type: 'start',
        key,
        request: stepRequest(key, { job, policy, shards: 0, chunks: 0 }),
        tally: cleanup.tally,
      },
    ],
    status: removing,
    events: [],
    requeueAfterMs: undefined,
  };
}
