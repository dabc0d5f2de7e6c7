import { CONDITION_REASONS, CONDITION_TYPES, MediaJobStatus, STAGES } from '@mediajob/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LEAST, MediaJobServer, refusal } from './media-job-server.ts';

const TIME = '2026-01-01T00:00:00.000Z';

let server: MediaJobServer;
beforeAll(async () => {
  server = await MediaJobServer.start();
});
afterAll(() => server?.stop());

describe('a status', () => {
  const FULL = MediaJobStatus.parse({
    observedGeneration: 1,
    phase: 'Failed',
    attempt: 2_147_483_647,
    retryToken: 'r'.repeat(1024),
    stages: STAGES.map((name) => ({
      name,
      state: 'Failed',
      percent: 99.9,
      shards: 10_000,
      shardsDone: 9_999,
      attempt: 2,
      startedAt: TIME,
      finishedAt: TIME,
      reason: 'OutOfMemory',
      message: 'm'.repeat(1024),
    })),
    progress: { percent: 63.4, text: '63%', realtimeFactor: 18.4, etaSeconds: 76, etaText: '1m 16s' },
    media: {
      durationMs: 359_999_000,
      container: 'matroska,webm',
      audioCodec: 'pcm_s16le',
      sampleRate: 384_000,
      channels: 8,
      audioTracks: 4,
      video: true,
      bytes: Number.MAX_SAFE_INTEGER,
    },
    durationText: '99:59:59',
    language: 'zh-Hant',
    usage: { cpuSeconds: 123_456.78, maxRssBytes: Number.MAX_SAFE_INTEGER },
    outputs: Array.from({ length: 32 }, (_, index) => ({ name: `media-${index}p.mp4`, format: 'mp4', bytes: index })),
    attempts: Array.from({ length: 10 }, (_, shard) => ({
      stage: 'transcribe',
      shard,
      attempt: 1,
      exitCode: 137,
      reason: 'OutOfMemory',
      message: 'm'.repeat(1024),
      counted: true,
      startedAt: TIME,
      finishedAt: TIME,
    })),
    conditions: CONDITION_TYPES.map((type) => ({
      type,
      status: 'True',
      reason: 'Running',
      message: 'm'.repeat(1024),
      lastTransitionTime: TIME,
      observedGeneration: 1,
    })),
    startedAt: TIME,
    finishedAt: TIME,
    message: 'm'.repeat(1024),
  });

  let name: string;
  beforeEach(async () => {
    name = (await server.create(LEAST)).metadata.name;
  });

  it('of every field, as large as the contract lets it be, is kept as it is', async () => {
    const { status } = await server.applyStatus(name, 'mediajob-operator', FULL);
    expect(status).toEqual(FULL);
    expect(Object.keys(FULL).sort()).toEqual(Object.keys(MediaJobStatus.shape).sort());
  });

  it.each(CONDITION_REASONS)('may give the reason %s', async (reason) => {
    const [condition] = FULL.conditions;
    const written = await server.applyStatus(name, 'mediajob-operator', { conditions: [{ ...condition, reason }] });
    expect(written.status).toMatchObject({ conditions: [{ reason }] });
  });

  it.each([
    ['phase', { phase: 'Thinking' }],
    ['progress.percent', { progress: { percent: 101, text: '101%' } }],
    ['message', { message: 'm'.repeat(1025) }],
    ['stages[0].name', { stages: [{ ...FULL.stages[0], name: 'dream' }] }],
    ['conditions[0].reason', { conditions: [{ ...FULL.conditions[0], reason: 'Unknown' }] }],
    ['startedAt', { startedAt: 'yesterday' }],
    ['attempt', { attempt: 0 }],
  ])('with a wrong %s is refused', async (field, status) => {
    expect(await refusal(server.applyStatus(name, 'mediajob-operator', status))).toContain(`status.${field}`);
  });

  it('has two writers, and neither takes from the other', async () => {
    const stage = { name: 'transcribe', state: 'Running', shards: 4, shardsDone: 1, attempt: 1 };
    await server.applyStatus(name, 'mediajob-operator', { phase: 'Transcribing', stages: [stage] });
    const progress = { percent: 40, text: '40%' };
    await server.applyStatus(name, 'mediajob-progress', { progress, stages: [{ name: 'transcribe', percent: 40 }] });
    const { status } = await server.applyStatus(name, 'mediajob-operator', {
      phase: 'Transcribing',
      stages: [{ ...stage, shardsDone: 2 }],
    });
    expect(status).toMatchObject({ progress, stages: [{ ...stage, shardsDone: 2, percent: 40 }] });
    const conflict = server.applyStatus(name, 'somebody', { phase: 'Failed' });
    await expect(conflict).rejects.toMatchObject({ status: 409 });
  });

  it('names no condition twice', async () => {
    const [condition] = FULL.conditions;
    const twice = server.applyStatus(name, 'mediajob-operator', { conditions: [condition, condition] });
    await expect(twice).rejects.toThrow(/duplicate entries for key \[type="Accepted"\]/);
  });
});
