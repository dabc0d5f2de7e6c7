import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DetectedLanguage,
  LanguageList,
  ModelList,
  Problem,
  TaskStatus,
  type TranscribeRequest,
  Transcript,
} from '@mediajob/contract';
import { readProcessTree } from '@mediajob/service';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { aTranscriber, converted, endTranscribers, JOB_ID, speechIsHere } from './a-transcriber.js';

afterEach(endTranscribers);

const problemOf = async (response: Response) => Problem.parse(await response.json());

const transcribe = (chunks: number): TranscribeRequest => ({
  stage: 'transcribe',
  jobId: JOB_ID,
  runId: 'talk-transcribe-0-1',
  shard: 0,
  chunks: { from: 0, to: chunks },
  model: 'base',
  language: 'auto',
  task: 'transcribe',
  quality: 'fast',
  finalize: { formats: ['json', 'srt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
});

describe('the transcriber, alone', () => {
  it('without the default model is ready but degraded, and names the command that brings it', async () => {
    const { fetch } = await aTranscriber({
      MEDIAJOB_ENGINE: process.execPath,
      MEDIAJOB_MODELS_DIR: '/no/such/models',
    });
    const ready = await fetch('/health/ready');
    const body = await ready.json();
    expect(ready.status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({
      status: 'degraded',
      details: {
        'default-model': { status: 'degraded', message: expect.stringContaining('npm run models -- pull base') },
      },
    });
  });

  it('without the engine is not ready, says how to build it, and is alive', async () => {
    const { fetch } = await aTranscriber({ MEDIAJOB_ENGINE: '/no/such/engine' });
    const ready = await fetch('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('npm run setup');
    expect((await fetch('/health/live')).status).toBe(200);
  });

  it('lists a hundred languages as tags that browsers understand', async () => {
    const { fetch } = await aTranscriber();
    const { languages } = LanguageList.parse(await (await fetch('/v1/languages')).json());
    expect(languages).toHaveLength(100);
    expect(languages).toContainEqual({ code: 'ru', name: 'Russian' });
    expect(languages).toContainEqual({ code: 'jv', name: 'Javanese' });
  });

  it('serves its OpenAPI document with the bodies of the contract', async () => {
    const { fetch } = await aTranscriber();
    const document = (await (await fetch('/openapi.json')).json()) as { paths: Record<string, unknown> };
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/v1/tasks/{id}',
        '/v1/models',
        '/v1/models/{name}/pull',
        '/v1/languages',
        '/v1/detect-language',
      ]),
    );
    expect(JSON.stringify(document.paths['/v1/detect-language'])).toContain('jobId');
  });
});

describe('models', () => {
  it('are listed with what is installed and which one is the default', async () => {
    const { fetch } = await aTranscriber({ MEDIAJOB_MODELS_DIR: '/no/such/models', MEDIAJOB_DEFAULT_MODEL: 'small' });
    const { models } = ModelList.parse(await (await fetch('/v1/models')).json());
    expect(models.filter((it) => it.default).map((it) => it.name)).toEqual(['small']);
    expect(models.some((it) => it.installed)).toBe(false);
  });

  it('are read-only: a pull is answered 409 with the command to run, and audited', async () => {
    const { post, lines } = await aTranscriber();
    const response = await post('/v1/models/small/pull');
    expect(response.status).toBe(409);
    const problem = await problemOf(response);
    expect(problem.code).toBe('models-read-only');
    expect(problem.detail).toContain('npm run models -- pull small');
    expect(lines).toContainEqual(
      expect.objectContaining({ category: 'audit', action: 'model.pull', outcome: 'refused', object: 'models/small' }),
    );
  });

  it('that the catalog does not have are answered 404, odd names 422', async () => {
    const { post } = await aTranscriber({ MEDIAJOB_MODELS_WRITABLE: 'true' });
    expect((await post('/v1/models/huge/pull')).status).toBe(404);
    expect((await post('/v1/models/..%2f..%2fetc/pull')).status).toBe(422);
  });
});

describe('detecting a language', () => {
  it('of a job that has no converted audio is answered 404', async () => {
    const { post } = await aTranscriber();
    const response = await post('/v1/detect-language', { jobId: JOB_ID });
    expect(response.status).toBe(404);
    expect((await problemOf(response)).code).toBe('job-not-found');
  });

  it('of a job in which nobody speaks is answered 409', async () => {
    const { post, volume, dataDir } = await aTranscriber();
    const silence = join(dataDir, 'silence.wav');
    execFileSync('ffmpeg', [
      '-nostdin',
      '-loglevel',
      'error',
      '-f',
      'lavfi',
      '-i',
      'anullsrc=r=16000:cl=mono',
      '-t',
      '5',
      silence,
    ]);
    await converted(volume, silence);
    expect((await post('/v1/detect-language', { jobId: JOB_ID })).status).toBe(409);
  });

  it('with a model that is not installed is answered 503 with the command', async () => {
    const { post, volume } = await aTranscriber({ MEDIAJOB_MODELS_DIR: '/no/such/models' });
    await converted(volume);
    const response = await post('/v1/detect-language', { jobId: JOB_ID, model: 'tiny' });
    expect(response.status).toBe(503);
    const problem = await problemOf(response);
    expect(problem.code).toBe('model-missing');
    expect(problem.detail).toContain('pull tiny');
  });
});

describe.skipIf(!speechIsHere())('with engine and model', () => {
  it('speech becomes a transcript, and its use of CPU and memory counts the engine', async () => {
    const { put, finished, volume, dataDir, metrics, fetch } = await aTranscriber();
    expect(await (await fetch('/health/ready')).json()).toMatchObject({
      details: { 'default-model': { status: 'up' } },
    });
    const { chunks } = await converted(volume);
    expect((await put('talk-transcribe-0-1', transcribe(chunks))).status).toBe(201);
    const status = await finished('talk-transcribe-0-1');
    expect(status.state, JSON.stringify(status.failure)).toBe('succeeded');
    const transcript = Transcript.parse(
      JSON.parse(await readFile(join(dataDir, 'outputs', JOB_ID, 'transcript.json'), 'utf8')),
    );
    const text = transcript.segments.map((it) => it.text).join(' ');
    expect(text.toLowerCase()).toContain('ask not what your country can do for you');
    expect(transcript.language).toBe('en');
    expect(status.usage?.cpuSeconds).toBeGreaterThan(0.5);
    expect(status.usage?.maxRssBytes).toBeGreaterThan(100 * 1024 * 1024);
    expect(await metrics()).toMatch(/media_realtime_factor\{[^}]*model="base"[^}]*\} [0-9.]+/);
  });

  it('a second run of the same shard gives the result of the first', async () => {
    const { put, finished, volume } = await aTranscriber();
    const { chunks } = await converted(volume);
    await put('a', transcribe(chunks));
    const first = await finished('a');
    await put('b', { ...transcribe(chunks), runId: 'talk-transcribe-0-2' });
    const second = await finished('b');
    expect(first.state, JSON.stringify(first.failure)).toBe('succeeded');
    expect(second.result).toEqual(first.result);
  });

  it('the language of a job is told', async () => {
    const { post, volume } = await aTranscriber();
    await converted(volume);
    const response = await post('/v1/detect-language', { jobId: JOB_ID });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    expect(DetectedLanguage.parse(JSON.parse(text))).toMatchObject({ language: 'en', model: 'base' });
  });

  it('a shutdown in the middle ends the engine and gives the run back as interrupted', async () => {
    const { put, fetch, volume, service, lines } = await aTranscriber();
    const { chunks } = await converted(volume);
    await put('a', { ...transcribe(chunks), quality: 'best' });
    await vi.waitFor(
      async () => {
        expect(TaskStatus.parse(await (await fetch('/v1/tasks/a')).json()).state).toBe('running');
        expect(enginesRunning()).toBe(1);
      },
      { timeout: 30_000, interval: 20 },
    );
    await service.stop('test');
    expect(enginesRunning()).toBe(0);
    expect(lines).toContainEqual(
      expect.objectContaining({ failure: expect.objectContaining({ reason: 'Interrupted' }) }),
    );
  });
});

function enginesRunning(): number {
  return readProcessTree(process.pid).filter(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('mediajob-engine');
    } catch {
      return false;
    }
  }).length;
}
