import { describe, expect, it } from 'vitest';
import { ENVIRONMENTS } from './env.js';
import { JobEnv } from './job-env.js';
import { OperatorEnv } from './operator-env.js';

const IMAGES = { MEDIAJOB_CONVERTER_IMAGE: 'converter:1', MEDIAJOB_TRANSCRIBER_IMAGE: 'transcriber:1' };

const messagesOf = (environment: Record<string, string>): string[] =>
  OperatorEnv.safeParse({ ...IMAGES, ...environment }).error?.issues.map(
    ({ path, message }) => `${path.join('.')} ${message}`,
  ) ?? [];

describe('settings', () => {
  it.each(Object.entries({ ...ENVIRONMENTS, job: JobEnv }))('of %s all say what they do', (_name, schema) => {
    const silent = Object.entries<{ description?: string | undefined }>(schema.shape).filter(
      ([, field]) => field.description === undefined,
    );
    expect(silent.map(([name]) => name)).toEqual([]);
  });
});

describe('the operator', () => {
  it('needs no settings but the images of its Jobs', () => {
    expect(OperatorEnv.parse(IMAGES)).toMatchObject({
      MEDIAJOB_PORT: 8003,
      MEDIAJOB_METRICS_PORT: 9103,
      MEDIAJOB_PROGRESS_PORT: 8443,
      MEDIAJOB_MEDIA_CLAIM: 'mediajob-media',
      MEDIAJOB_LEADER_ELECTION: true,
      MEDIAJOB_LEASE_DURATION: 15_000,
      MEDIAJOB_JOB_TTL: 3_600_000,
    });
    expect(messagesOf({ MEDIAJOB_CONVERTER_IMAGE: '' })).toHaveLength(1);
  });

  it.each(['29s', '61m'])('refuses a length of chunks that no plan takes: %s', (length) => {
    expect(messagesOf({ MEDIAJOB_CHUNK_TARGET: length })).toEqual(['MEDIAJOB_CHUNK_TARGET must be from 30s to 1h']);
  });

  it('has no media volume, so no setting of one', () => {
    const names = Object.keys(OperatorEnv.shape);
    expect(names).not.toContain('MEDIAJOB_DATA_DIR');
    expect(names).not.toContain('MEDIAJOB_LOG_FILES');
  });

  it('watches the namespaces that are named, and refuses what is no name', () => {
    expect(OperatorEnv.parse({ ...IMAGES, MEDIAJOB_WATCH_NAMESPACES: 'talks, calls,' })).toMatchObject({
      MEDIAJOB_WATCH_NAMESPACES: ['talks', 'calls'],
    });
    expect(messagesOf({ MEDIAJOB_WATCH_NAMESPACES: 'talks,Calls' })).toEqual([
      'MEDIAJOB_WATCH_NAMESPACES.1 must be a name of Kubernetes: a-z, 0-9 and -',
    ]);
  });

  it.each([
    [{ MEDIAJOB_LEASE_DURATION: '10s' }, 'MEDIAJOB_LEASE_DURATION must be longer than MEDIAJOB_LEASE_RENEW_DEADLINE'],
    [
      { MEDIAJOB_LEASE_RETRY_PERIOD: '9s' },
      'MEDIAJOB_LEASE_RENEW_DEADLINE must be longer than 1.2 × MEDIAJOB_LEASE_RETRY_PERIOD',
    ],
    [{ MEDIAJOB_LEASE_RETRY_PERIOD: '0s' }, 'MEDIAJOB_LEASE_RETRY_PERIOD must be longer than 0s'],
  ])('refuses a Lease that cannot work: %j', (environment, message) => {
    expect(messagesOf(environment as Record<string, string>)).toEqual([message]);
  });

  it.each([
    ['MEDIAJOB_PROGRESS_URL', 'http://operator:8443'],
    ['MEDIAJOB_POD_IP', 'operator'],
    ['MEDIAJOB_PROGRESS_TLS', 'none'],
    ['MEDIAJOB_MEDIA_CLAIM', 'Media'],
  ])('refuses %s=%s', (name, value) => {
    expect(messagesOf({ [name]: value })).toEqual([expect.stringContaining(name)]);
  });
});
