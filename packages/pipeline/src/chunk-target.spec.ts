import { describe, expect, it } from 'vitest';
import { aMediaJob } from '../test/builders.js';
import { chunkTarget } from './chunk-target.js';

const policy = { chunkTargetMs: 300_000, chunksPerShard: 6 };
const jobWith = (transcribe: object) => aMediaJob().withSpec({ transcribe }).build();

describe('the chunks of a job', () => {
  it.each([
    [{}, policy, { targetMs: 300_000, perShard: 6 }],
    [{ language: 'auto', languageMode: 'perFile' }, policy, { targetMs: 300_000, perShard: 6 }],
    [{ language: 'auto', languageMode: 'perChunk' }, policy, { targetMs: 60_000, perShard: 30 }],
    [{ language: 'de', languageMode: 'perChunk' }, policy, { targetMs: 300_000, perShard: 6 }],
    [
      { language: 'auto', languageMode: 'perChunk' },
      { chunkTargetMs: 30_000, chunksPerShard: 2 },
      { targetMs: 30_000, perShard: 2 },
    ],
  ])('with %j are %j', (transcribe, given, want) => {
    expect(chunkTarget(jobWith(transcribe), given)).toEqual(want);
  });
});
