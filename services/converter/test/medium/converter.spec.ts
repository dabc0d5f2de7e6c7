import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConvertResult, MediaInfo, Problem, type StepRequest, TaskStatus } from '@mediajob/contract';
import { readProcessTree } from '@mediajob/service';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { aConverter, aLongTone, aTone, type Converter, endConverters, JOB_ID, SOURCE } from './a-converter.js';

afterEach(endConverters);

const convert = (over: Partial<Extract<StepRequest, { stage: 'convert' }>> = {}): StepRequest => ({
  stage: 'convert',
  jobId: JOB_ID,
  runId: 'talk-convert-0-1',
  source: SOURCE,
  audioTrack: 0,
  transcript: true,
  plan: { targetMs: 300_000, windowMs: 30_000 },
  maxDurationMs: 3_600_000,
  ...over,
});
const problemOf = async (response: Response) => Problem.parse(await response.json());

describe('the converter, alone', () => {
  it('is ready with nobody else there, and tells the version of ffmpeg', async () => {
    const { fetch } = await aConverter();
    const ready = await fetch('/health/ready');
    const body = await ready.json();
    expect(ready.status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({
      service: 'converter',
      details: { ffmpeg: { version: expect.any(String) }, volume: { status: 'up' } },
    });
  });

  it('is not ready without ffmpeg, says what to do, and is alive', async () => {
    const { fetch } = await aConverter({ environment: { MEDIAJOB_FFMPEG: '/no/such/ffmpeg' } });
    const ready = await fetch('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('MEDIAJOB_FFMPEG');
    expect((await fetch('/health/live')).status).toBe(200);
  });

  it('lists formats that it takes and makes', async () => {
    const { fetch } = await aConverter();
    const { inputs, renditions } = (await (await fetch('/v1/formats')).json()) as {
      inputs: { extensions: string[] }[];
      renditions: string[];
    };
    expect(inputs.flatMap((it) => it.extensions)).toEqual(expect.arrayContaining(['mp3', 'mp4', 'wma', 'amr', '3gp']));
    expect(renditions).toEqual(expect.arrayContaining(['mp3', 'mkv']));
  });
});

describe('a probe', () => {
  it('tells what a file is', async () => {
    const { post, dataDir } = await aConverter();
    aTone(join(dataDir, SOURCE), 3);
    const response = await post('/v1/probe', { source: SOURCE });
    expect(response.status).toBe(200);
    const info = MediaInfo.parse(await response.json());
    expect(info).toMatchObject({ audioCodec: 'mp3', channels: 1, video: false });
    expect(Math.abs(info.durationMs - 3000)).toBeLessThan(100);
  });

  it('refuses what is no media with 415 and what to do', async () => {
    const { post, dataDir } = await aConverter();
    await writeFile(join(dataDir, SOURCE), 'Dear Ann,\nthis is a letter, not a song.\n'.repeat(20));
    const response = await post('/v1/probe', { source: SOURCE });
    expect(response.status).toBe(415);
    const problem = await problemOf(response);
    expect(problem.code).toBe('unsupported-media');
    expect(problem.detail).not.toContain(dataDir);
    expect(problem.errors?.[0]?.path).toBe('source');
  });

  it('notes a playlist in the clothes of a song as suspicious', async () => {
    const { post, dataDir, lines } = await aConverter();
    await writeFile(join(dataDir, SOURCE), 'ffconcat version 1.0\nfile ../01JDMEDIAJ0B00000000000002/source\n');
    expect((await post('/v1/probe', { source: SOURCE })).status).toBe(415);
    expect(lines).toContainEqual(
      expect.objectContaining({ category: 'suspicious', kind: 'refused-media', object: SOURCE }),
    );
  });

  it('answers 404 when the file is not there, and 422 when its path is none of ours', async () => {
    const { post, lines } = await aConverter();
    const missing = await post('/v1/probe', { source: SOURCE });
    expect(missing.status).toBe(404);
    expect((await problemOf(missing)).code).toBe('not-found');
    for (const source of ['../../etc/passwd', '/etc/passwd', 'jobs/x/work/audio.wav', 'uploads/../jobs/x']) {
      const response = await post('/v1/probe', { source });
      expect(response.status, source).toBe(422);
      expect((await problemOf(response)).errors?.[0]?.path).toBe('source');
    }
    expect(lines.filter((it) => it.kind === 'path-traversal')).toHaveLength(3);
  });

  it('answers 422 for an audio track that the file has not', async () => {
    const { post, dataDir } = await aConverter();
    aTone(join(dataDir, SOURCE), 1);
    const response = await post('/v1/probe', { source: SOURCE, audioTrack: 7 });
    expect(response.status).toBe(422);
    expect((await problemOf(response)).errors?.[0]?.path).toBe('audioTrack');
  });
});

describe('a convert task', () => {
  it('writes the audio, its peaks and its plan, and tells progress, result and use', async () => {
    const { put, finished, dataDir, service } = await aConverter();
    aTone(join(dataDir, SOURCE), 20);
    expect((await put('talk-convert-0-1', convert())).status).toBe(201);
    const status = await finished('talk-convert-0-1');
    expect(status, JSON.stringify(status.failure)).toMatchObject({
      state: 'succeeded',
      stage: 'convert',
      instance: service.context.instance,
    });
    const result = status.result as ConvertResult;
    expect(Math.abs(result.media.durationMs - 20_000)).toBeLessThan(100);
    for (const name of ['audio.wav', 'plan.json', 'peaks.json']) {
      expect(existsSync(join(dataDir, 'jobs', JOB_ID, 'work', name)), name).toBe(true);
    }
    expect(status.usage?.maxRssBytes).toBeGreaterThan(0);
    expect(status.usage?.cpuSeconds).toBeGreaterThan(0);
  });

  it('that is done already is not done again, also by another instance', async () => {
    const first = await aConverter();
    aTone(join(first.dataDir, SOURCE), 5);
    await first.put('a', convert());
    const done = await first.finished('a');
    const manifest = await readFile(join(first.dataDir, 'jobs', JOB_ID, 'work', 'convert.manifest.json'), 'utf8');
    const second = await aConverter({ dataDir: first.dataDir });
    await second.put('b', convert({ runId: 'talk-convert-0-2' }));
    const again = await second.finished('b');
    expect(again.instance).not.toBe(done.instance);
    expect(again.result).toEqual(done.result);
    expect(await readFile(join(first.dataDir, 'jobs', JOB_ID, 'work', 'convert.manifest.json'), 'utf8')).toBe(manifest);
  });

  it('of a file that is no media fails as UnsupportedMedia, 65', async () => {
    const { put, finished, dataDir } = await aConverter();
    await writeFile(join(dataDir, SOURCE), 'no media at all, just words\n'.repeat(50));
    await put('a', convert());
    expect(await finished('a')).toMatchObject({
      state: 'failed',
      failure: { exitCode: 65, reason: 'UnsupportedMedia' },
    });
  });

  it('that is cancelled stops ffmpeg', async () => {
    const { put, fetch, finished, dataDir } = await aConverter();
    aLongTone(join(dataDir, SOURCE), 12);
    await put('a', convert({ maxDurationMs: 24 * 3_600_000 }));
    await atWork(fetch);
    await fetch('/v1/tasks/a', { method: 'DELETE' });
    expect((await finished('a')).state).toBe('cancelled');
    expect(runningPrograms()).toEqual([]);
  });

  it('that a shutdown interrupts leaves no child behind and may be tried again', async () => {
    const first = await aConverter();
    aLongTone(join(first.dataDir, SOURCE), 12);
    await first.put('a', convert({ maxDurationMs: 24 * 3_600_000 }));
    await atWork(first.fetch);
    await first.service.stop('test');
    expect(runningPrograms()).toEqual([]);
    expect(existsSync(join(first.dataDir, 'jobs', JOB_ID, 'work', 'convert.manifest.json'))).toBe(false);
    expect(first.lines).toContainEqual(
      expect.objectContaining({ failure: expect.objectContaining({ exitCode: 143, reason: 'Interrupted' }) }),
    );
  });

  it('of a stage that the transcriber runs is refused with 422', async () => {
    const { put } = await aConverter();
    const response = await put('a', {
      stage: 'finalize',
      jobId: JOB_ID,
      runId: 'r',
      model: 'base',
      language: 'auto',
      task: 'transcribe',
      quality: 'fast',
      options: { formats: ['json'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
    });
    expect(response.status).toBe(422);
  });
});

/** Waits until the run of task a tells progress. */
async function atWork(fetch: Converter['fetch']): Promise<void> {
  await vi.waitFor(
    async () => {
      const status = TaskStatus.parse(await (await fetch('/v1/tasks/a')).json());
      expect(status.progress?.fraction ?? 0, JSON.stringify(status)).toBeGreaterThan(0);
    },
    { timeout: 60_000, interval: 50 },
  );
}

/** Programs that this process or its children started and that still run; where there is no /proc, none are seen. */
function runningPrograms(): string[] {
  return readProcessTree(process.pid)
    .filter(({ pid }) => pid !== process.pid)
    .map(({ pid }) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim())
    .filter((name) => name.startsWith('ffmpeg'));
}
