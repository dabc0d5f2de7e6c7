import { expect, it } from 'vitest';
import { phaseOf, type RawMediaJob, readMediaJob } from './read-media-job.js';

const given = (rest: Partial<RawMediaJob>): RawMediaJob => ({
  metadata: {
    name: 'talk',
    uid: '0190c9e6-0000-4000-8000-000000000001',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { 'mediajob.io/title': 'Talk', 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(9_000) },
  },
  spec: { source: { path: 'inbox/talk.mp3' }, transcribe: {} },
  ...rest,
});

it('reads a MediaJob that nobody has written a status of, with all defaults and our own annotations', () => {
  const { job, invalid } = readMediaJob(given({}));
  expect(invalid).toBeUndefined();
  expect(job).toMatchObject({ spec: { retries: 3, transcribe: { model: 'base' } }, status: { phase: 'Pending' } });
  expect(job.metadata).toMatchObject({ generation: 1, annotations: { 'mediajob.io/title': 'Talk' } });
  expect(Object.keys(job.metadata.annotations ?? {})).toHaveLength(1);
});

it.each([
  [{ source: { path: 'inbox/a' }, transcribe: {}, speed: 2 }, /^spec: .*speed.*\.$/],
  [{ source: { path: 'inbox/../etc' }, transcribe: {} }, /^spec\.source\.path: /],
  [{ source: { path: 'inbox/a' }, transcribe: { parallelism: 0 } }, /^spec\.transcribe\.parallelism: .*\.$/],
  [{ source: { path: 'inbox/a' }, transcribe: {}, priorityClass: 'system-node-critical' }, /^spec\.priorityClass: /],
  [undefined, /^spec: /],
])('says what is wrong with the spec %j, and still tells which job it is', (spec, why) => {
  const { job, invalid } = readMediaJob(given({ spec }));
  expect(invalid).toMatch(why);
  expect(job.metadata.name).toBe('talk');
});

it('takes what it can of a status that another version wrote, condition by condition', () => {
  const condition = {
    type: 'Queued',
    status: 'True',
    reason: 'WaitingForWorker',
    message: 'x',
    lastTransitionTime: '2026-01-01T00:00:01Z',
  };
  const status = {
    attempt: 2,
    conditions: [condition, { ...condition, type: 'Converted', reason: 'NewReason' }],
    progress: { percent: 'half' },
    startedAt: '2026-01-01T00:00:01Z',
  };
  const read = readMediaJob(given({ status })).job.status;
  expect(read).toMatchObject({ attempt: 2, startedAt: '2026-01-01T00:00:01Z', progress: { percent: 0 } });
  expect(read.conditions).toEqual([condition]);
});

it('takes of a status what it understands', () => {
  const known = { name: 'a.txt', format: 'txt', bytes: 3 };
  const status = { phase: 'Transcribing', mood: 'good', attempt: 'two', outputs: [known, { name: 1 }] };
  expect(readMediaJob(given({ status })).job.status).toMatchObject({
    phase: 'Transcribing',
    attempt: 1,
    outputs: [known],
  });
  expect(readMediaJob(given({ status: 'broken' })).job.status.phase).toBe('Pending');
});

it.each([
  [{ phase: 'Queued', attempt: 'two' }, 'Queued'],
  [{ phase: 'Dreaming' }, 'Pending'],
  [undefined, 'Pending'],
  [null, 'Pending'],
])('tells the phase of a status %j without reading the rest: %s', (status, phase) => {
  expect(phaseOf({ status })).toBe(phase);
});
