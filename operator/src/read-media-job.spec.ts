import { describe, expect, it } from 'vitest';
import { aMediaJob, at } from '../test/builders.js';
import type { MediaJobObject } from './media-job-kind.js';
import { readMediaJob } from './read-media-job.js';

const with_ = (change: Partial<MediaJobObject>): MediaJobObject => ({ ...aMediaJob().build(), ...change });

describe('a MediaJob as it is read', () => {
  it('has all defaults, and an empty status before anybody wrote one', () => {
    const { job, invalid } = readMediaJob(with_({ spec: { source: { path: 'inbox/a.mp3' }, transcribe: {} } }));
    expect(invalid).toBeUndefined();
    expect(job.spec).toMatchObject({ profile: 'default', retries: 3, transcribe: { model: 'base', parallelism: 4 } });
    expect(job.status).toMatchObject({ phase: 'Pending', attempt: 1, stages: [], progress: { percent: 0 } });
  });

  it.each([
    ['a field of another version', { source: { path: 'inbox/a' }, transcribe: {}, speed: 2 }, /spec: .*speed/],
    [
      'a value that is out of bounds',
      { source: { path: 'inbox/a' }, transcribe: { parallelism: 0 } },
      /spec\.transcribe\.parallelism: /,
    ],
    ['a way out of the volume', { source: { path: 'inbox/../../etc/passwd' }, transcribe: {} }, /spec\.source\.path: /],
    ['nothing at all', undefined, /spec: /],
    [
      'a priority of the cluster itself',
      { source: { path: 'inbox/a' }, transcribe: {}, priorityClass: 'system-node-critical' },
      /spec\.priorityClass/,
    ],
  ])('is said to be invalid, with the field named: %s', (_, spec, want) => {
    const { job, invalid } = readMediaJob(with_({ spec }));
    expect(invalid).toMatch(want);
    expect(invalid).toMatch(/\.$/);
    expect(job.metadata.uid).toBe(aMediaJob().build().metadata.uid);
  });

  it('does not mind annotations and metadata of others', () => {
    const { job, invalid } = readMediaJob(
      aMediaJob()
        .with({
          annotations: {
            'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(50_000),
            'mediajob.io/retry': 'a',
          },
          finalizers: ['other/one'],
        })
        .build(),
    );
    expect(invalid).toBeUndefined();
    expect(job.metadata.annotations).toEqual({ 'mediajob.io/retry': 'a' });
  });

  it('takes what it can of a status that another version wrote', () => {
    const condition = {
      type: 'Queued',
      status: 'True',
      reason: 'WaitingForWorker',
      message: 'x',
      lastTransitionTime: at(1),
    };
    const { job } = readMediaJob(
      with_({
        status: {
          phase: 'Transcribing',
          attempt: 2,
          mood: 'good',
          conditions: [condition, { ...condition, type: 'Converted', reason: 'NewReason' }],
          progress: { percent: 'half' },
          startedAt: at(1),
        },
      }),
    );
    expect(job.status).toMatchObject({ phase: 'Transcribing', attempt: 2, startedAt: at(1), progress: { percent: 0 } });
    expect(job.status.conditions).toEqual([condition]);
    expect(readMediaJob(with_({ status: 'broken' })).job.status.phase).toBe('Pending');
  });
});
