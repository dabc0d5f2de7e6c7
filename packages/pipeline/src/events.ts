import type { AttemptRecord, MediaJobStatus } from '@mediajob/contract';
import { findCondition } from './conditions.js';
import type { JobEvent } from './decision.js';
import { STAGE_WORDS } from './stage-status.js';
import { sentence } from './waiting.js';

const WORTH_A_WARNING = new Set<string>([
  'StorageFull',
  'ModelMissing',
  'WorkerUnreachable',
  'ProfileNotFound',
  'NameConflict',
  'PodRefused',
  'ImageUnavailable',
  'VolumePending',
  'NodeLost',
]);

/** What is worth telling about the step from one status to the next. Nothing changed: nothing told. */
export function eventsBetween(before: MediaJobStatus, after: MediaJobStatus): JobEvent[] {
  const events: JobEvent[] = [];
  const tell = (type: JobEvent['type'], reason: string, message: string) => events.push({ type, reason, message });

  const accepted = findCondition(after.conditions, 'Accepted');
  if (accepted?.status === 'True' && findCondition(before.conditions, 'Accepted')?.status !== 'True') {
    tell('Normal', 'Accepted', accepted.message);
  }
  if (after.attempt > before.attempt) tell('Normal', 'AttemptStarted', `Attempt ${after.attempt} begins.`);

  for (const stage of after.stages) {
    const old = before.stages.find((it) => it.name === stage.name && it.attempt === stage.attempt);
    if (stage.state === old?.state) continue;
    const what = STAGE_WORDS[stage.name];
    if (stage.state === 'Running' && old?.startedAt === undefined) {
      tell('Normal', 'StageStarted', `The ${what} has begun.`);
    }
    if (stage.state === 'Succeeded') tell('Normal', 'StageFinished', `The ${what} is done.`);
  }
  for (const record of after.attempts) {
    if (before.attempts.some((old) => sameRecord(old, record))) continue;
    const tried = record.shard === 0 ? '' : ` (shard ${record.shard})`;
    events.push({
      type: record.counted ? 'Warning' : 'Normal',
      reason: 'RunFailed',
      message:
        `The ${STAGE_WORDS[record.stage]}${tried} ended with ${record.reason}: ${sentence(record.message)}`.slice(
          0,
          1024,
        ),
      failure: record.reason,
    });
  }

  const queued = findCondition(after.conditions, 'Queued');
  const queuedBefore = findCondition(before.conditions, 'Queued');
  if (queued?.status === 'True' && WORTH_A_WARNING.has(queued.reason) && queued.reason !== queuedBefore?.reason) {
    tell('Warning', queued.reason, queued.message);
  }

  if (after.phase !== before.phase) {
    if (after.phase === 'Suspended') tell('Normal', 'Suspended', after.message);
    if (before.phase === 'Suspended' && after.finishedAt === undefined) {
      tell('Normal', 'Resumed', 'The job goes on.');
    }
    if (after.phase === 'Succeeded') tell('Normal', 'Succeeded', after.message);
    if (after.phase === 'Cancelled') tell('Normal', 'Cancelled', after.message);
    if (after.phase === 'Failed') {
      tell('Warning', findCondition(after.conditions, 'Failed')?.reason ?? 'Failed', after.message);
    }
  }
  return events;
}

function sameRecord(a: AttemptRecord, b: AttemptRecord): boolean {
  return (
    a.stage === b.stage &&
    a.shard === b.shard &&
    a.attempt === b.attempt &&
    a.reason === b.reason &&
    (a.finishedAt === b.finishedAt || (!a.counted && !b.counted))
  );
}
