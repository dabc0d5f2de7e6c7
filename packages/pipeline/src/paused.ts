import { TERMINAL_PHASES } from '@mediajob/contract';
import { findCondition, withConditions } from './conditions.js';
import type { Decision } from './decision.js';
import type { Observed } from './observed.js';
import { timeOf } from './statuses.js';

const MESSAGE =
  'The job is paused: nothing of it is started, stopped or removed. Take away the annotation mediajob.io/pause to go on.';

/** Nothing is done but said, so that a person can look into a job, or mend something, in peace. */
export function decidePaused({ job }: Observed, now: number): Decision {
  const { status, metadata } = job;
  const rest = { actions: [], events: [], requeueAfterMs: undefined };
  if (TERMINAL_PHASES.includes(status.phase) && metadata.deletionTimestamp === undefined) return { ...rest, status };
  const queued = findCondition(status.conditions, 'Queued')?.status ?? 'True';
  const conditions = withConditions(
    status.conditions,
    [{ type: 'Queued', status: queued, reason: 'Paused', message: MESSAGE }],
    metadata.generation,
    timeOf(now),
  );
  return { ...rest, status: { ...status, conditions, message: MESSAGE } };
}
