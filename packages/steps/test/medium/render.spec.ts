import { readdir, stat, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type RenderRequest, StepResult } from '@mediajob/contract';
import { freeSpace, Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import type { StepContext } from '../../src/context.js';
import { estimatedBytes } from '../../src/render.js';
import { runStep } from '../../src/run-step.js';
import { aContext, jobId } from '../fixtures/a-job.js';
import { bursts, makeMedia } from '../fixtures/media.js';

const ffmpeg = { path: 'ffmpeg', stallMs: 30_000 };
const request: RenderRequest = {
  stage: 'render',
  jobId,
  runId: 'run-1',
  source: 'inbox/talk.mp4',
  audioTrack: 0,
  renditions: [{ format: 'mp3' }, { format: 'mp4', height: 120 }, { format: 'flac' }],
  maxDurationMs: 3_600_000,
};

async function aSource() {
  const volume = new Volume(await aTemporaryDirectory());
  const source = await makeMedia(join(volume.root, 'inbox', 'talk.mp4'), [
    ...['-f', 'lavfi', '-i', bursts(6), '-f', 'lavfi', '-i', 'testsrc=s=320x240:r=10:d=6'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-shortest'],
  ]);
  const run = (wanted: Partial<RenderRequest> = {}, context: Partial<StepContext> = {}) =>
    runStep({ ...request, ...wanted }, { ...aContext(volume), ffmpeg, ...context });
  const output = (name: string) => join(volume.root, 'outputs', jobId, name);
  return { volume, source, run, output };
}

describe('render', () => {
  it('makes every rendition under its own name and lists them', async () => {
    const { run, output } = await aSource();
    const result = await run();
    expect(StepResult.parse(result)).toEqual(result);
    if (result.stage !== 'render') throw new Error('not a render result');
    expect(result.outputs.map((it) => [it.name, it.format])).toEqual([
      ['media.mp3', 'mp3'],
      ['media-120p.mp4', 'mp4'],
      ['media.flac', 'flac'],
    ]);
    for (const it of result.outputs) expect((await stat(output(it.name))).size).toBe(it.bytes);
    expect((await readdir(output('.'))).sort()).toEqual([
      'media-120p.mp4',
      'media.flac',
      'media.mp3',
      'render.manifest.json',
    ]);
  });

  it('again makes nothing, also when the source is gone', async () => {
    const { run, output, source } = await aSource();
    const first = await run();
    const before = await stat(output('media-120p.mp4'));
    await unlink(source);
    expect(await run({ runId: 'run-2' })).toEqual(first);
    expect((await stat(output('media-120p.mp4'))).ino).toBe(before.ino);
  });

  it('that was stopped keeps finished renditions and goes on with the next', async () => {
    const { run, output } = await aSource();
    const stop = new AbortController();
    const stopped = run({}, { signal: stop.signal, progress: ({ fraction }) => fraction > 0.667 && stop.abort() });
    await expect(stopped).rejects.toMatchObject({ failure: { exitCode: 143 } });
    expect((await readdir(output('.'))).sort()).toEqual(['media-120p.mp4', 'media.mp3']);
    const before = await Promise.all(['media.mp3', 'media-120p.mp4'].map((name) => stat(output(name))));
    await run({ runId: 'run-2' });
    const after = await Promise.all(['media.mp3', 'media-120p.mp4'].map((name) => stat(output(name))));
    expect(after.map((it) => it.ino)).toEqual(before.map((it) => it.ino));
    expect(await readdir(output('.'))).toContain('media.flac');
  });

  it('makes a damaged rendition again, and only that one', async () => {
    const { run, output } = await aSource();
    await run();
    const before = await stat(output('media.flac'));
    await truncate(output('media.mp3'), 10);
    await run({ runId: 'run-2' });
    expect((await stat(output('media.mp3'))).size).toBeGreaterThan(1000);
    expect((await stat(output('media.flac'))).ino).toBe(before.ino);
  });

  it('begins only when the disk has room', async () => {
    const { run, volume } = await aSource();
    const { totalBytes } = await freeSpace(volume.root);
    await expect(run({}, { reserveBytes: totalBytes })).rejects.toMatchObject({ failure: { exitCode: 73 } });
  });

  it('estimates rather too much than too little', async () => {
    const { run } = await aSource();
    const result = await run();
    if (result.stage !== 'render') throw new Error('not a render result');
    const media = {
      durationMs: 6_000,
      container: 'mp4',
      audioCodec: 'aac',
      sampleRate: 16_000,
      channels: 1,
      audioTracks: 1,
      video: true,
      bytes: 200_000,
    };
    for (const [index, rendition] of request.renditions.entries()) {
      expect(estimatedBytes(rendition, media)).toBeGreaterThan(
        result.outputs[index]?.bytes ?? Number.POSITIVE_INFINITY,
      );
    }
  });
});
