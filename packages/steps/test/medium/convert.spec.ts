import { readdir, readFile, stat, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChunkPlan, type ConvertRequest, Manifest, Peaks, StepResult } from '@mediajob/contract';
import { freeSpace, Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import type { StepContext } from '../../src/context.js';
import { runStep } from '../../src/run-step.js';
import { aContext, jobId } from '../fixtures/a-job.js';
import { bursts, makeMedia } from '../fixtures/media.js';

const ffmpeg = { path: 'ffmpeg', stallMs: 30_000 };
const request: ConvertRequest = {
  stage: 'convert',
  jobId,
  runId: 'run-1',
  source: 'inbox/talk.m4a',
  audioTrack: 0,
  transcript: true,
  plan: { targetMs: 30_000, windowMs: 10_000, detector: 'energy' },
  maxDurationMs: 3_600_000,
};

async function aSource(seconds = 65) {
  const volume = new Volume(await aTemporaryDirectory());
  const source = await makeMedia(join(volume.root, 'inbox', 'talk.m4a'), ['-f', 'lavfi', '-i', bursts(seconds)]);
  const run = (wanted: Partial<ConvertRequest> = {}, context: Partial<StepContext> = {}) =>
    runStep({ ...request, ...wanted }, { ...aContext(volume), ffmpeg, ...context });
  const work = (name: string) => join(volume.root, 'jobs', jobId, 'work', name);
  return { volume, source, run, work };
}

describe('convert', () => {
  it('leaves audio, peaks and a plan that fit together, and the manifest that says so', async () => {
    const { run, work } = await aSource();
    const result = await run();
    expect(StepResult.parse(result)).toEqual(result);
    expect(result).toMatchObject({
      stage: 'convert',
      media: { audioCodec: 'aac', channels: 1, audioTracks: 1, video: false },
    });
    if (result.stage !== 'convert') throw new Error('not a convert result');
    expect(Math.abs(result.media.durationMs - 65_000)).toBeLessThan(200);
    const plan = ChunkPlan.parse(JSON.parse(await readFile(work('plan.json'), 'utf8')));
    expect({ chunks: plan.chunks.length, speechMs: plan.speechMs }).toEqual({
      chunks: result.chunks,
      speechMs: result.speechMs,
    });
    expect(result.chunks).toBeGreaterThan(1);
    expect(Peaks.parse(JSON.parse(await readFile(work('peaks.json'), 'utf8'))).durationMs).toBe(plan.durationMs);
    expect(Math.abs((await stat(work('audio.wav'))).size - plan.durationMs * 32)).toBeLessThan(1000);
    const manifest = Manifest.parse(JSON.parse(await readFile(work('convert.manifest.json'), 'utf8')));
    expect(manifest.files.map((it) => it.path.split('/').at(-1))).toEqual(['audio.wav', 'peaks.json', 'plan.json']);
    expect(manifest.tools.ffmpeg).toMatch(/^\d/);
    expect((await readdir(work('.'))).sort()).toEqual([
      'audio.wav',
      'convert.manifest.json',
      'peaks.json',
      'plan.json',
    ]);
  });

  it('again gives the same result without touching a file, even when the source is gone by then', async () => {
    const { run, work, source } = await aSource(10);
    const first = await run();
    const before = await stat(work('audio.wav'));
    expect(await run({ runId: 'run-2' })).toEqual(first);
    await unlink(source);
    expect(await run({ runId: 'run-3' })).toEqual(first);
    expect((await stat(work('audio.wav'))).ino).toBe(before.ino);
  });

  it.each<[what: string, change: (job: Awaited<ReturnType<typeof aSource>>) => Promise<unknown>]>([
    ['the audio became shorter', ({ work }) => truncate(work('audio.wav'), 1000)],
    ['the plan is gone', ({ work }) => unlink(work('plan.json'))],
    ['the manifest is damaged', ({ work }) => writeFile(work('convert.manifest.json'), '{')],
    ['the source was written anew', ({ source }) => utimes(source, new Date(0), new Date(0))],
  ])('is done again when %s', async (_what, change) => {
    const job = await aSource(10);
    const first = await job.run();
    const before = await stat(job.work('audio.wav'));
    await writeFile(job.work('language.json'), '{}');
    await change(job);
    const again = await job.run({ runId: 'run-2' });
    expect({ ...again, manifest: undefined }).toEqual({ ...first, manifest: undefined });
    expect((await stat(job.work('audio.wav'))).ino).not.toBe(before.ino);
    // What was detected in other audio must not outlive it.
    await expect(stat(job.work('language.json'))).rejects.toThrow(/ENOENT/);
  });

  it('without a transcript only probes', async () => {
    const { run, work } = await aSource(10);
    expect(await run({ transcript: false })).toMatchObject({ stage: 'convert', chunks: 0, speechMs: 0 });
    expect(await readdir(work('.'))).toEqual(['convert.manifest.json']);
  });

  it('of silence plans no chunk', async () => {
    const { run, volume } = await aSource(1);
    await makeMedia(join(volume.root, 'inbox', 'silence.flac'), [
      '-f',
      'lavfi',
      '-i',
      'anullsrc=r=16000:cl=mono',
      '-t',
      '20',
    ]);
    expect(await run({ source: 'inbox/silence.flac' })).toMatchObject({ chunks: 0, speechMs: 0 });
  });

  it('begins only when the disk has room for the audio and the reserve', async () => {
    const { run, volume, work } = await aSource(10);
    const { totalBytes } = await freeSpace(volume.root);
    await expect(run({}, { reserveBytes: totalBytes + 1 })).rejects.toMatchObject({
      failure: { exitCode: 73, reason: 'StorageFull' },
    });
    await expect(stat(work('audio.wav'))).rejects.toThrow(/ENOENT/);
    expect(await run({}, { reserveBytes: 0 })).toMatchObject({ stage: 'convert' });
  });

  it.each<[what: string, source: string, exitCode: number, message: RegExp]>([
    ['a missing upload', 'uploads/01JD0000000000000000000000/source', 66, /Upload the file again/],
    ['a missing file of the inbox', 'inbox/gone.mp3', 66, /Put it there and retry/],
    ['a way out', 'inbox/../../etc/passwd', 64, /not a path on the media volume/],
    ['a text', 'inbox/notes.mp3', 65, /./],
    ['a file of nothing', 'inbox/empty.mp3', 65, /./],
  ])('%s is refused with its own exit code', async (_what, source, exitCode, message) => {
    const { run, volume } = await aSource(1);
    await writeFile(join(volume.root, 'inbox', 'notes.mp3'), 'just some words\n'.repeat(100));
    await writeFile(join(volume.root, 'inbox', 'empty.mp3'), '');
    await expect(run({ source })).rejects.toMatchObject({
      failure: { exitCode, message: expect.stringMatching(message) },
    });
  });

  it('asked to stop leaves no half file and is Interrupted', async () => {
    const { run, volume } = await aSource(1);
    await makeMedia(join(volume.root, 'inbox', 'long.wav'), ['-f', 'lavfi', '-i', bursts(600)]);
    const stop = new AbortController();
    const stopped = run(
      { source: 'inbox/long.wav' },
      { signal: stop.signal, progress: ({ fraction }) => fraction > 0.06 && stop.abort() },
    );
    await expect(stopped).rejects.toMatchObject({ failure: { exitCode: 143, reason: 'Interrupted' } });
    const names = await readdir(volume.root, { recursive: true });
    expect(names.filter((name) => name.endsWith('.partial') || name.endsWith('.wav'))).toEqual(['inbox/long.wav']);
  });
});
