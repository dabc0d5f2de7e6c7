import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RenderRequest } from '@mediajob/contract';
import { transcriptOf } from '@mediajob/speech';
import { Volume } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aSegment } from '../../../speech/test/fixtures/a-segment.js';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import { runStep } from '../../src/run-step.js';
import { aContext, jobId } from '../fixtures/a-job.js';
import { bursts, makeMedia } from '../fixtures/media.js';

const run = promisify(execFile);
const ffmpeg = { path: 'ffmpeg', stallMs: 60_000 };
const request: RenderRequest = {
  ...{ stage: 'render', jobId, runId: 'run-1', source: 'inbox/talk.mp4', audioTrack: 0, maxDurationMs: 3_600_000 },
  renditions: [
    { format: 'mp3' },
    { format: 'mkv', subtitles: 'track' },
    { format: 'mp4', height: 120, subtitles: 'burn' },
  ],
  subtitles: { preset: 'netflix', wordTimes: true },
};

async function aJob(...texts: readonly string[]) {
  const volume = new Volume(await aTemporaryDirectory());
  await makeMedia(join(volume.root, 'inbox', 'talk.mp4'), [
    ...['-f', 'lavfi', '-i', bursts(6), '-f', 'lavfi', '-i', 'color=c=gray:s=320x240:r=10:d=6'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-shortest'],
  ]);
  const output = (name: string) => join(volume.root, 'outputs', jobId, name);
  const say = async (...said: readonly string[]) => {
    const segments = said.map((text, i) => aSegment(500 + 2500 * i, text));
    const head = {
      language: 'en',
      languageProbability: 1,
      task: 'transcribe',
      model: 'base',
      durationMs: 6000,
    } as const;
    await volume.ensureDirectory(volume.layout.outputs(jobId));
    await writeFile(output('transcript.json'), JSON.stringify(transcriptOf({ ...head, segments })));
  };
  await say(...texts);
  const render = (wanted: Partial<RenderRequest> = {}) =>
    runStep({ ...request, ...wanted }, { ...aContext(volume), ffmpeg });
  return { volume, output, say, render };
}

async function subtitlesOf(path: string): Promise<string> {
  return (await run('ffmpeg', ['-v', 'error', '-i', path, '-map', '0:s:0', '-f', 'srt', '-'])).stdout;
}
const inode = async (path: string) => (await stat(path)).ino;

describe('renditions with subtitles', () => {
  it('have what was said in a track and in the picture, and are made again when that is another text, and only they', async () => {
    const job = await aJob('Ask not what', 'your country can do.');
    const names = ['media.mp3', 'media.mkv', 'media-120p-burned.mp4'];
    const inodes = () => Promise.all(names.map((it) => inode(job.output(it))));
    const first = await job.render();
    if (first.stage !== 'render') throw new Error('not a render result');
    expect(first.outputs.map((it) => it.name)).toEqual(names);
    expect(await subtitlesOf(job.output('media.mkv'))).toMatch(/Ask not what\n\n2\n[^\n]+\nyour country can do\./);
    // Grey all over, but where something is drawn.
    const { stdout } = await run('ffmpeg', [
      ...['-v', 'error', '-ss', '0.8', '-i', job.output('media-120p-burned.mp4'), '-frames:v', '1'],
      ...['-vf', 'signalstats,metadata=print:file=-', '-f', 'null', '-'],
    ]);
    expect(Number(/YMAX=(\d+)/.exec(stdout)?.[1])).toBeGreaterThan(160);

    const before = await inodes();
    expect(await job.render({ runId: 'run-2' })).toEqual(first);
    expect(await inodes()).toEqual(before);

    await job.say('Something else.');
    await job.render({ runId: 'run-3' });
    expect(await subtitlesOf(job.output('media.mkv'))).toContain('Something else.');
    const after = await inodes();
    expect(after[0]).toBe(before[0]);
    expect(after.slice(1)).not.toEqual(before.slice(1));
  });
});

describe('a rendition with subtitles', () => {
  it('is made without any where nobody speaks', async () => {
    const job = await aJob();
    await job.render({ renditions: [{ format: 'mkv', subtitles: 'track' }] });
    await expect(subtitlesOf(job.output('media.mkv'))).rejects.toThrow(/matches no streams/);
  });

  it('fails with a sentence where the transcript is gone', async () => {
    const job = await aJob('Hi.');
    await writeFile(job.output('transcript.json'), '');
    await expect(job.render()).rejects.toMatchObject({ failure: { exitCode: 74 } });
    const other = await aJob('Hi.');
    await rm(other.output('transcript.json'));
    await expect(other.render()).rejects.toMatchObject({
      failure: { exitCode: 66, message: expect.stringMatching(/no transcript/) },
    });
  });

  it('fails before hours of encoding where no font has its letters', async () => {
    const job = await aJob('𓀀𓀁𓀂 𓀃𓀄');
    await expect(job.render({ renditions: [{ format: 'mp4', subtitles: 'burn' }] })).rejects.toMatchObject({
      failure: { exitCode: 64, message: expect.stringMatching(/no font has letters of the text \(.*𓀀/) },
    });
    expect(await readdir(job.output('.'))).toEqual(['transcript.json']);
  });

  it('burnt in lights up no words, but in upright videos', async () => {
    const burnt = async (preset: 'netflix' | 'short') => {
      const job = await aJob('Ask not what');
      await job.render({ renditions: [{ format: 'mkv', subtitles: 'track' }], subtitles: { preset, wordTimes: true } });
      return readFile(join(job.volume.root, 'jobs', jobId, 'work', 'subtitles.ass'), 'utf8');
    };
    expect(await burnt('netflix')).not.toContain('\\k');
    expect(await burnt('short')).toContain('\\k');
  });
});
