import type { Action, Decision } from './decision.js';
import { isLive, type Observed, type ObservedRun } from './observed.js';
import { stepRequest } from './requests.js';
import { outcomeOf } from './retry.js';
import { forgetEnded, newestRuns, stopAll } from './runs-actions.js';
import { shardView } from './stages.js';
import { highestAttempt, nextTry } from './taken.js';
import { sentence } from './waiting.js';

/**
 * Deletion: stop every run, wait until none is left, remove the files, drop the object. It is tried until it is done:
 * a job that is half deleted helps nobody.
 */
export function decideDeletion(observed: Observed, now: number): Decision {
  const { job, runs, policy } = observed;
  const attempt = highestAttempt(observed);
  const say = (message: string) => ({
    ...job.status,
    observedGeneration: job.metadata.generation,
    message: message.slice(0, 1024),
  });

  const keep = observed.keepFiles === true;
  const working = runs.filter((run) => isLive(run) && (keep || run.key.stage !== 'cleanup'));
  if (working.length > 0) {
    return {
      actions: stopAll(working, 'deleted'),
      status: say(['The job is being deleted: its runs are stopped first.', ...troubleOf(working)].join(' ')),
      events: [],
      requeueAfterMs: undefined,
    };
  }
  if (keep) {
    return {
      actions: [...forgetEnded(runs), { type: 'remove' }],
      status: say('The job is deleted; its files are kept, as it asks.'),
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
  const refused = observed.refused?.map(({ waiting }) => waiting.message) ?? [];
  const removing = say(
    ['The job is being deleted: its files are being removed.', ...troubleOf(runs), ...refused].join(' '),
  );
  if (cleanup.state === 'pending' || cleanup.state === 'running') {
    return { actions: forgotten, status: removing, events: [], requeueAfterMs: undefined };
  }
  if (newest !== undefined && cleanup.outcome !== undefined && cleanup.outcome.notBefore > now) {
    const { failure, notBefore } = outcomeOf(newest, Number.POSITIVE_INFINITY, policy);
    const cause = sentence(failure?.message ?? 'The cleanup was stopped.');
    return {
      actions: forgotten,
      status: say(`The job’s files could not be removed yet; it is tried again. ${cause}`),
      events: [],
      requeueAfterMs: notBefore - now,
    };
  }
  const of = { stage: 'cleanup', shard: 0, attempt } as const;
  const key = { ...of, try: nextTry(observed, of, newest?.key.try) };
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

/** What keeps runs from getting on, for a person who waits for the end. */
function troubleOf(runs: readonly ObservedRun[]): string[] {
  const told = ({ waiting }: ObservedRun) =>
    waiting !== undefined && waiting.reason !== 'WaitingForWorker' && waiting.reason !== 'WorkerUnreachable';
  const run = runs.find((it) => isLive(it) && told(it));
  return run?.waiting === undefined ? [] : [run.waiting.message];
}
