import { NO_TALLY } from '@mediajob/pipeline';
import { expect, it } from 'vitest';
import { choose } from './dispatcher.js';
import type { RunRecord } from './job-record.js';

const worker = (name: string, capacity: number, free: number) => ({
  address: `http://${name}`,
  instance: name,
  capacity,
  taken: capacity - free,
  free,
  draining: false,
  tasks: [],
});
const run = (avoidNodes: string[] = []): RunRecord => ({
  key: { stage: 'transcribe', shard: 0, attempt: 1, try: 1 },
  tally: { ...NO_TALLY, avoidNodes },
  request: { stage: 'cleanup', jobId: '11111111-2222-4333-8444-555555555555', runId: 'x' },
  state: 'pending',
});
const chosen = (workers: ReturnType<typeof worker>[], avoid?: string[]) => choose(workers, run(avoid))?.instance;

it('takes the worker that is least loaded for its size', () => {
  expect(chosen([worker('small', 1, 1), worker('large', 8, 4)])).toBe('small');
  expect(chosen([worker('small', 2, 1), worker('large', 8, 6)])).toBe('large');
});

it('takes none that is full', () => {
  expect(chosen([worker('full', 2, 0), worker('over', 2, -1)])).toBeUndefined();
});

it('keeps away from a worker whose device failed, unless there is no other', () => {
  expect(chosen([worker('broken', 4, 4), worker('busy', 4, 1)], ['http://broken'])).toBe('busy');
  expect(chosen([worker('broken', 4, 4), worker('full', 4, 0)], ['http://broken'])).toBe('broken');
});
