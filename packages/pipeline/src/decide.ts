import { Annotation, TERMINAL_PHASES } from '@mediajob/contract';
import { refusalOf } from './accept.js';
import type { Action, Decision } from './decision.js';
import { decideDeletion } from './deletion.js';
import { endFailed, endSucceeded, endWith } from './endings.js';
import { eventsBetween } from './events.js';
import { isLive, type Observed } from './observed.js';
import { decidePaused } from './paused.js';
import { stepRequest } from './requests.js';
import { forgetEnded, newestRuns, stopAll } from './runs-actions.js';
import { isSettled, type StageGraph, stageGraph } from './stages.js';
import { startsOf } from './starts.js';
import { newAttemptStatus, suspendedStatus, workingStatus } from './statuses.js';
import { highestAttempt } from './taken.js';
import { waitingReason } from './waiting.js';

/**
 * The state machine of a MediaJob: from what is seen to what is to be done. Pure: no I/O, no clock, no randomness.
 * Both runtimes call it after every change, apply the actions, write the status once, and tell the events after that.
 *
 * @param now ms of the epoch
 */
export function decide(observed: Observed, now: number): Decision {
  const { job, runs } = observed;
  const { spec, status } = job;
  if (observed.paused === true) return decidePaused(observed, now);
  if (job.metadata.deletionTimestamp !== undefined) return decideDeletion(observed, now);
  if (TERMINAL_PHASES.includes(status.phase)) {
    if (highestAttempt(observed) > status.attempt) return lookAgain(observed);
    return retryAsked(observed) && !spec.cancel ? beginAttempt(observed, now) : finished(observed, now);
  }

  const attempt = highestAttempt(observed);
  const graph = stageGraph(observed, attempt);
  const refusal = refusalOf(spec);
  if (refusal !== undefined) return endWith(observed, graph, attempt, 'Failed', refusal, now);
  if (graph.stages.every((stage) => stage.state === 'done' || stage.state === 'skipped')) {
    return endSucceeded(observed, graph, attempt, now);
  }
  if (spec.cancel) {
    return endWith(observed, graph, attempt, 'Cancelled', CANCELLED, now);
  }
  if (spec.suspend) {
    const after = suspendedStatus(observed, graph, attempt, now);
    const actions = [...stopAll(runs, 'suspended'), ...forgetSuperseded(observed, attempt)];
    return { actions, status: after, events: eventsBetween(status, after), requeueAfterMs: undefined };
  }
  const deadline = deadlineOf(observed);
  if (deadline !== undefined && deadline <= now) {
    const waited = waitingReason(graph, observed, now);
    const message = `The job was not done within its ${spec.activeDeadlineSeconds} s.${waited === undefined ? '' : ` At the end: ${waited.message}`} Raise activeDeadlineSeconds and retry it: what is finished is kept.`;
    return endWith(observed, graph, attempt, 'Failed', { reason: 'DeadlineExceeded', message }, now);
  }
  // A branch that fails lets the other one finish: a transcript is worth having although a rendition failed.
  const failed = graph.stages.filter((stage) => stage.state === 'failed');
  if (failed.length > 0 && graph.stages.every((stage) => isSettled(stage) || stage.state === 'blocked')) {
    return endFailed(observed, graph, attempt, failed, now);
  }
  return work(observed, graph, attempt, deadline, now);
}

const CANCELLED = {
  reason: 'Cancelled',
  message: 'The job was cancelled. Files that are finished are kept; retry it to go on from there.',
} as const;

/** Starts what can start, stops what is in vain, and says when to look again. */
function work(
  observed: Observed,
  graph: StageGraph,
  attempt: number,
  deadline: number | undefined,
  now: number,
): Decision {
  const { job, runs } = observed;
  const older = runs.filter((run) => run.key.attempt !== attempt);
  const hurry = retryAsked(observed);
  const due: number[] = deadline === undefined ? [] : [deadline];
  const actions: Action[] = [...stopAll(older, 'superseded'), ...forgetSuperseded(observed, attempt)];

  for (const stage of graph.stages) {
    if (stage.state === 'failed') {
      const own = runs.filter((run) => run.key.stage === stage.name && run.key.attempt === attempt);
      actions.push(...stopAll(own, 'failed'));
    }
    // A new attempt begins when the old one has let go: never are two runs at the same files.
    if (stage.state !== 'open' || older.some(isLive)) continue;
    const starts = startsOf(stage, observed, attempt, hurry, now);
    due.push(...starts.due);
    if (observed.held !== undefined) continue;
    for (const { key, tally } of starts.now) {
      const request = stepRequest(key, { job, policy: observed.policy, shards: graph.shards, chunks: graph.chunks });
      actions.push({ type: 'start', key, request, tally });
    }
  }

  const after = workingStatus(observed, graph, attempt, now);
  return {
    actions,
    status: after,
    events: eventsBetween(job.status, after),
    requeueAfterMs: due.length === 0 ? undefined : Math.max(0, Math.min(...due) - now),
  };
}

/** A person's retry of a finished job. Its status is written before anything starts: a crash in between repeats nothing. */
function beginAttempt(observed: Observed, now: number): Decision {
  const attempt = highestAttempt(observed) + 1;
  const after = newAttemptStatus(observed, attempt, now);
  return {
    actions: [...stopAll(observed.runs, 'superseded'), ...forgetEnded(observed.runs)],
    status: after,
    events: eventsBetween(observed.job.status, after),
    requeueAfterMs: 0,
  };
}

/**
 * A run of a later attempt than the one that is said to have ended: that attempt was begun, so this status is an old one
 * that was read from somewhere behind. Nothing may follow from it.
 */
function lookAgain({ job }: Observed): Decision {
  return { actions: [], status: job.status, events: [], requeueAfterMs: STALE_MS };
}

const STALE_MS = 1000;

/** A finished job only ends what still runs, and in the end itself. */
function finished(observed: Observed, now: number): Decision {
  const { job, runs } = observed;
  const actions = [...stopAll(runs, job.spec.cancel ? 'cancelled' : 'finished'), ...forgetEnded(runs)];
  const ttl = job.spec.ttlSecondsAfterFinished;
  const status = { ...job.status, observedGeneration: job.metadata.generation };
  if (ttl === undefined || status.finishedAt === undefined) {
    return { actions, status, events: [], requeueAfterMs: undefined };
  }
  const left = Date.parse(status.finishedAt) + ttl * 1000 - now;
  return left <= 0
    ? { actions: [...actions, { type: 'delete' }], status, events: [], requeueAfterMs: undefined }
    : { actions, status, events: [], requeueAfterMs: left };
}

/** Runs that ended and that a newer try has taken the place of: their tally lives on in it. */
function forgetSuperseded(observed: Observed, attempt: number): Action[] {
  return forgetEnded(observed.runs, new Set(newestRuns(observed.runs, attempt).values()));
}

function retryAsked({ job }: Observed): boolean {
  const token = job.metadata.annotations?.[Annotation.retry];
  return token !== undefined && token !== job.status.retryToken;
}

/** End of the attempt’s time in ms of the epoch. A suspended job has none; its time starts anew when it goes on. */
function deadlineOf({ job }: Observed): number | undefined {
  const { startedAt, phase } = job.status;
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || startedAt === undefined || phase === 'Suspended') return undefined;
  return Date.parse(startedAt) + seconds * 1000;
}
