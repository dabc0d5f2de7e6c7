import { runName, shardChunks, type TranscribeRequest } from '@mediajob/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aTranscribeRequest, jobId } from '../test/fixtures/a-job.js';
import { requestOf } from './job-arguments.js';

const nameOf = (shard: number) => runName(jobId, { stage: 'transcribe', shard, attempt: 2, try: 1 });

/** What the operator gives every pod of an Indexed Job. */
function aTemplate(shards: number, chunks: number, wanted: Partial<TranscribeRequest> = {}): NodeJS.ProcessEnv {
  const request = aTranscribeRequest({ runId: nameOf(0), chunks: shardChunks(0, shards, chunks), ...wanted });
  return {
    MEDIAJOB_REQUEST: JSON.stringify(request),
    MEDIAJOB_SHARDS: String(shards),
    MEDIAJOB_CHUNKS: String(chunks),
  };
}

const requestAt = (index: number | string, env: NodeJS.ProcessEnv) =>
  requestOf([], { ...env, JOB_COMPLETION_INDEX: String(index) }) as Promise<TranscribeRequest>;

describe('pods of an Indexed Job', () => {
  it('take the shard of their index, under the name of its run', async () => {
    expect(await requestAt(2, aTemplate(3, 10))).toEqual(
      aTranscribeRequest({ runId: nameOf(2), shard: 2, chunks: { from: 6, to: 10 } }),
    );
    expect(await requestAt(0, aTemplate(3, 10))).toEqual(
      aTranscribeRequest({ runId: nameOf(0), shard: 0, chunks: { from: 0, to: 3 } }),
    );
  });

  it('together take each chunk once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 40 }), async (shards, more) => {
        const chunks = shards + more;
        const env = aTemplate(shards, chunks);
        const all = await Promise.all(Array.from({ length: shards }, (_, index) => requestAt(index, env)));
        const taken = all.flatMap((it) =>
          Array.from({ length: it.chunks.to - it.chunks.from }, (_, n) => it.chunks.from + n),
        );
        expect(taken).toEqual(Array.from({ length: chunks }, (_, n) => n));
        expect(new Set(all.map((it) => it.runId)).size).toBe(shards);
      }),
    );
  });

  it('keep all else of the request', async () => {
    const wanted = { language: 'de', prompt: 'Words', quality: 'best' } as const;
    expect(await requestAt(1, aTemplate(2, 2, wanted))).toMatchObject(wanted);
  });
});

it('a Job that is not Indexed has its own request', async () => {
  const { MEDIAJOB_REQUEST } = aTemplate(3, 10, { shard: 1, runId: nameOf(1), chunks: { from: 3, to: 6 } });
  expect(await requestOf([], { MEDIAJOB_REQUEST })).toMatchObject({ shard: 1, runId: nameOf(1) });
  expect(await requestOf([], { MEDIAJOB_REQUEST, MEDIAJOB_SHARDS: '', JOB_COMPLETION_INDEX: '' })).toMatchObject({
    shard: 1,
  });
});

describe('an environment that contradicts itself is refused with 64', () => {
  const good = { ...aTemplate(3, 10), JOB_COMPLETION_INDEX: '1' };
  const one = aTemplate(1, 4, { finalize: { formats: ['srt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } } });
  const wrong: [what: string, env: NodeJS.ProcessEnv, message: RegExp][] = [
    ['an index without counts', { ...good, MEDIAJOB_SHARDS: undefined }, /MEDIAJOB_SHARDS is not/],
    ['shards without chunks', { ...good, MEDIAJOB_CHUNKS: undefined }, /MEDIAJOB_CHUNKS is not/],
    ['shards that are no number', { ...good, MEDIAJOB_SHARDS: 'many' }, /MEDIAJOB_SHARDS must be a whole number/],
    ['no shard at all', { ...good, MEDIAJOB_SHARDS: '0' }, /MEDIAJOB_SHARDS/],
    ['shards without an index', { ...good, JOB_COMPLETION_INDEX: undefined }, /JOB_COMPLETION_INDEX="" names none/],
    ['an index beyond the shards', { ...good, JOB_COMPLETION_INDEX: '3' }, /JOB_COMPLETION_INDEX="3" names none of 3/],
    ['a negative index', { ...good, JOB_COMPLETION_INDEX: '-1' }, /names none/],
    ['an index in another notation', { ...good, JOB_COMPLETION_INDEX: '1e0' }, /names none/],
    ['more shards than chunks', { ...good, MEDIAJOB_CHUNKS: '2' }, /2 chunks cannot be shared out to 3/],
    ['the request of another shard', { ...good, ...aTemplate(3, 10, { shard: 1 }) }, /not that of shard 0/],
    ['the name of another shard', { ...good, ...aTemplate(3, 10, { runId: nameOf(1) }) }, /not that of shard 0/],
    ['a name that is not ours', { ...good, ...aTemplate(3, 10, { runId: 'run-1' }) }, /not that of shard 0/],
    [
      'the name of another job',
      { ...good, ...aTemplate(3, 10, { runId: nameOf(0).replace(/^0b9e/, 'aaaa') }) },
      /not that of shard 0/,
    ],
    ['chunks of other counts', { ...good, ...aTemplate(3, 10, { chunks: { from: 0, to: 4 } }) }, /not that of shard 0/],
    [
      'one of several shards that would finalize',
      { ...good, ...one, MEDIAJOB_SHARDS: '2', MEDIAJOB_CHUNKS: '8' },
      /cannot finalize/,
    ],
    [
      'another stage',
      { ...good, MEDIAJOB_REQUEST: JSON.stringify({ stage: 'cleanup', jobId, runId: nameOf(0) }) },
      /for the stage cleanup/,
    ],
  ];
  it.each(wrong)('%s', async (_what, env, message) => {
    await expect(requestOf([], env)).rejects.toMatchObject({
      failure: { exitCode: 64, reason: 'InvalidArguments', message: expect.stringMatching(message) },
    });
  });

  it('while a single shard in an Indexed Job is fine, and finalizes', async () => {
    expect(await requestAt(0, one)).toMatchObject({ shard: 0, finalize: { formats: ['srt'] } });
  });
});
