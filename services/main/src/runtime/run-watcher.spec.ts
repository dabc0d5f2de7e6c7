import type { TaskStatus } from '@mediajob/contract';
import { NO_TALLY } from '@mediajob/pipeline';
import { expect, it } from 'vitest';
import type { RunRecord } from './job-record.js';
import { withStatus } from './run-watcher.js';

const UID = '11111111-2222-4333-8444-555555555555';
const run: RunRecord = {
  key: { stage: 'convert', shard: 0, attempt: 1, try: 1 },
  tally: { ...NO_TALLY, avoidNodes: [] },
  request: { stage: 'cleanup', jobId: UID, runId: 'x' },
  state: 'pending',
  placement: { address: 'http://converter:8002', instance: 'old', confirmed: false },
};
const task = (change: Partial<TaskStatus>): TaskStatus => ({
  id: 'x',
  instance: 'i',
  stage: 'convert',
  state: 'running',
  createdAt: '2020-01-01T00:00:00.000Z',
  ...change,
});

it('goes by the clock of this process, and by the worker’s only for how long a run took', () => {
  // The worker lives six years ago.
  const ended = task({
    state: 'failed',
    startedAt: '2020-01-01T00:00:00.000Z',
    finishedAt: '2020-01-01T00:00:07.000Z',
    failure: { exitCode: 73, reason: 'StorageFull', message: 'The disk is full.' },
  });
  const whole = withStatus(run, ended, '2026-01-01T00:01:00.000Z');
  expect(whole).toMatchObject({ startedAt: '2026-01-01T00:00:53.000Z', finishedAt: '2026-01-01T00:01:00.000Z' });
  const seen = withStatus(run, task({ startedAt: '2020-01-01T00:00:00.000Z' }), '2026-01-01T00:00:00.000Z');
  const late = withStatus(seen, ended, '2026-01-01T01:00:00.000Z');
  expect(late).toMatchObject({ startedAt: '2026-01-01T00:00:00.000Z', finishedAt: '2026-01-01T00:00:07.000Z' });
});

it('remembers who has it, and where, for the next try to keep away from', () => {
  expect(withStatus(run, task({}), '2026-01-01T00:00:00.000Z')).toMatchObject({
    state: 'running',
    node: 'http://converter:8002',
    placement: { instance: 'i', confirmed: true },
  });
});

it('a run that someone else cancelled is an interruption, not a failure of the job', () => {
  expect(withStatus(run, task({ state: 'cancelled' }), '2026-01-01T00:00:00.000Z')).toMatchObject({
    state: 'failed',
    exitCode: 143,
    reason: 'Interrupted',
  });
});
