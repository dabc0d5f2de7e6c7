import { readFile, unlink, writeFile } from 'node:fs/promises';
import { Transcript } from '@mediajob/contract';
import { Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../storage/test/fixtures/temporary-directory.js';
import { aContext, aFinalizeRequest, aPlan, aTranscribeRequest, convertedJob, jobId } from '../test/fixtures/a-job.js';
import { FakeEngine } from '../test/fixtures/fake-engine.js';
import { runStep } from './run-step.js';

const finalizeOf = { formats: ['srt'] as ('srt' | 'json')[], subtitles: { maxCharsPerLine: 42, maxLines: 2 } };

async function aVolumeWith(windows: number[]) {
  const volume = new Volume(await aTemporaryDirectory());
  await convertedJob(volume, aPlan(windows));
  return volume;
}
const output = (volume: Volume, name: string) => readFile(volume.resolve(volume.layout.output(jobId, name)), 'utf8');

describe('finalize after several shards', () => {
  it('gives the same transcript as one shard', async () => {
    const one = await aVolumeWith([3, 2, 0, 3]);
    await runStep(
      aTranscribeRequest({ chunks: { from: 0, to: 4 }, finalize: finalizeOf }),
      aContext(one, { engine: new FakeEngine() }),
    );
    const many = await aVolumeWith([3, 2, 0, 3]);
    for (const shard of [2, 0, 1, 3]) {
      const request = aTranscribeRequest({ shard, runId: `run-${shard}`, chunks: { from: shard, to: shard + 1 } });
      await runStep(request, aContext(many, { engine: new FakeEngine() }));
    }
    const result = await runStep(aFinalizeRequest(), aContext(many));
    expect(result).toMatchObject({ stage: 'finalize', segments: 8 });
    expect(await output(many, 'transcript.json')).toBe(await output(one, 'transcript.json'));
    expect(await output(many, 'transcript.srt')).toBe(await output(one, 'transcript.srt'));
  });

  it('waits for no one: a missing part is said to be missing, and nothing is written', async () => {
    const volume = await aVolumeWith([1, 1]);
    await runStep(aTranscribeRequest({ chunks: { from: 0, to: 2 } }), aContext(volume, { engine: new FakeEngine() }));
    await unlink(volume.resolve(volume.layout.part(jobId, 1)));
    await expect(runStep(aFinalizeRequest(), aContext(volume))).rejects.toMatchObject({
      failure: { exitCode: 66, message: expect.stringMatching(/000001\.json/) },
    });
    await expect(output(volume, 'transcript.json')).rejects.toThrow(/ENOENT/);
  });

  it('a part of another plan is refused', async () => {
    const volume = await aVolumeWith([1, 1]);
    await runStep(aTranscribeRequest({ chunks: { from: 0, to: 2 } }), aContext(volume, { engine: new FakeEngine() }));
    const [first, second] = [0, 1].map((it) => volume.resolve(volume.layout.part(jobId, it)));
    await writeFile(second ?? '', await readFile(first ?? ''));
    await expect(runStep(aFinalizeRequest(), aContext(volume))).rejects.toMatchObject({
      failure: { exitCode: 74, message: expect.stringMatching(/another plan/) },
    });
  });

  it('is done again when a part has changed since, and not otherwise', async () => {
    const volume = await aVolumeWith([1]);
    await runStep(aTranscribeRequest(), aContext(volume, { engine: new FakeEngine() }));
    const first = await runStep(aFinalizeRequest(), aContext(volume));
    expect(await runStep(aFinalizeRequest({ runId: 'run-2' }), aContext(volume))).toEqual(first);
    const part = volume.resolve(volume.layout.part(jobId, 0));
    await writeFile(part, (await readFile(part, 'utf8')).replaceAll('"de2500"', '"changed"'));
    expect(await runStep(aFinalizeRequest({ runId: 'run-3' }), aContext(volume))).not.toEqual(first);
    expect(await output(volume, 'transcript.json')).toContain('changed');
  });
});

describe('a recording without speech', () => {
  it('gives an empty transcript that is as valid as any', async () => {
    const volume = await aVolumeWith([]);
    const result = await runStep(aFinalizeRequest(), aContext(volume));
    expect(result).toMatchObject({ stage: 'finalize', segments: 0, words: 0, doubtful: 0 });
    expect(Transcript.parse(JSON.parse(await output(volume, 'transcript.json')))).toMatchObject({
      segments: [],
      languageProbability: 0,
    });
    expect(await output(volume, 'transcript.vtt')).toBe('WEBVTT\n\n');
    expect(await output(volume, 'transcript.srt')).toBe('');
  });

  it('claims no language that nobody asked for', async () => {
    const volume = await aVolumeWith([]);
    expect(await runStep(aFinalizeRequest(), aContext(volume))).not.toHaveProperty('language');
  });
});

describe('a translation', () => {
  it('is English text, whatever was spoken', async () => {
    const volume = await aVolumeWith([1]);
    const task = 'translate';
    await runStep(aTranscribeRequest({ task }), aContext(volume, { engine: new FakeEngine() }));
    expect(await runStep(aFinalizeRequest({ task }), aContext(volume))).toMatchObject({ language: 'en' });
    expect(JSON.parse(await output(volume, 'transcript.json'))).toMatchObject({ language: 'en', task: 'translate' });
  });
});
