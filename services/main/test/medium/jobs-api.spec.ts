import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { JobList, MediaJob, Problem } from '@mediajob/contract';
import { startService } from '@mediajob/service/nest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mainService } from '../../src/main.service.js';
import { localRuntimeParts } from '../../src/runtime/local-runtime-parts.js';
import { FakeWorker } from '../runtime/fake-worker.js';
import { WorkerServer } from '../runtime/worker-server.js';
import { idOf, upload, wav } from './tus-client.js';

/** All of main as it is served, over workers that only pretend. */
let dataDir: string;
let url: string;
let stop: () => Promise<void>;
const converter = new WorkerServer(new FakeWorker());
const transcriber = new WorkerServer(new FakeWorker());
const media = {
  durationMs: 60_000,
  container: 'wav',
  audioCodec: 'pcm_s16le',
  sampleRate: 16_000,
  channels: 1,
  audioTracks: 1,
  video: false,
  bytes: 1000,
};

async function startMain(): Promise<void> {
  const service = await startService({
    ...mainService(() => localRuntimeParts),
    stdout: new Writable({ write: (_chunk, _encoding, done) => done() }),
    processMetrics: false,
    environment: {
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_DATA_DIR: dataDir,
      MEDIAJOB_LOG_FILES: 'false',
      MEDIAJOB_RESERVE_BYTES: '0',
      MEDIAJOB_CONVERTER_URLS: converter.url,
      MEDIAJOB_TRANSCRIBER_URLS: transcriber.url,
      MEDIAJOB_SHUTDOWN_GRACE: '4s',
    },
  });
  url = `http://127.0.0.1:${service.port}`;
  stop = () => service.stop('test');
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediajob-jobs-'));
  await converter.start();
  await transcriber.start();
  converter.probe = { status: 200, body: media };
  await startMain();
});
afterAll(async () => {
  await stop();
  await converter.kill();
  await transcriber.kill();
  await rm(dataDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: unknown) =>
  fetch(`${url}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
const create = (source: string, spec: object = {}, metadata: object = {}) =>
  call('POST', '/api/v1/jobs', { metadata, spec: { source: { path: source }, transcribe: {}, ...spec } });
const anUpload = async () => `uploads/${idOf(await upload(url, wav(5000), { filename: 'Доклад.wav' }))}/source`;
const jobOf = async (answer: Response) => {
  const body: unknown = await answer.json();
  if (!answer.ok) throw new Error(`answered ${answer.status}: ${JSON.stringify(body)}`);
  return MediaJob.parse(body);
};
const problemOf = async (answer: Response) => {
  expect(answer.headers.get('content-type')).toMatch(/application\/problem\+json/);
  const problem = Problem.parse(await answer.json());
  return `${answer.status} ${problem.code}`;
};
async function untilPhase(id: string, phase: string): Promise<MediaJob> {
  for (let i = 0; i < 5000; i++) {
    const job = await jobOf(await call('GET', `/api/v1/jobs/${id}`));
    if (job.status.phase === phase) return job;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`job ${id} is never ${phase}`);
}

describe('the jobs API', () => {
  it('makes a job of an upload, answers where it is, and carries it to its end', async () => {
    const answer = await create(await anUpload(), {}, { title: 'Доклад' });
    expect(answer.status).toBe(201);
    const job = await jobOf(answer);
    expect(answer.headers.get('location')).toBe(`/api/v1/jobs/${job.metadata.uid}`);
    expect(job.metadata.annotations).toMatchObject({
      'mediajob.io/title': 'Доклад',
      'mediajob.io/file-name': 'Доклад.wav',
    });
    const done = await untilPhase(job.metadata.uid, 'Succeeded');
    expect(done.status).toMatchObject({ durationText: '1:00', outputs: [{ name: 'transcript.json' }] });
  });

  it('answers the same job to the same request', async () => {
    const source = await anUpload();
    const [one, other] = [await create(source), await create(source)];
    expect([one.status, other.status]).toEqual([201, 200]);
    expect((await jobOf(other)).metadata.uid).toBe((await jobOf(one)).metadata.uid);
  });

  it('answers each wrong request with what is wrong', async () => {
    const source = await anUpload();
    expect(await problemOf(await create('uploads/01JD0000000000000000000ABC/source'))).toBe('404 upload-not-found');
    expect(await problemOf(await create('etc/passwd'))).toBe('422 validation-failed');
    expect(await problemOf(await create('uploads/../../etc/passwd'))).toBe('422 validation-failed');
    expect(await problemOf(await create(source, { retries: 99 }))).toBe('422 validation-failed');
    expect(await problemOf(await create(source, { transcribe: undefined }))).toBe('422 validation-failed');
    expect(await problemOf(await create(source, {}, { name: 'Not A Label' }))).toBe('422 validation-failed');
    expect(await problemOf(await call('GET', '/api/v1/jobs/not-a-uuid'))).toBe('422 validation-failed');
    const nobody = `/api/v1/jobs/${crypto.randomUUID()}`;
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/cancel'],
      ['POST', '/retry'],
      ['POST', '/suspend'],
      ['POST', '/resume'],
    ] as const) {
      expect(await problemOf(await call(method, `${nobody}${path}`))).toBe('404 job-not-found');
    }
    expect(await problemOf(await call('PATCH', nobody, { spec: { retries: 1 } }))).toBe('404 job-not-found');
  });

  it('refuses a file that is no media before a job is made of it', async () => {
    converter.probe = {
      status: 415,
      body: {
        type: 'urn:mediajob:problem:unsupported-media',
        title: 'no',
        status: 415,
        code: 'unsupported-media',
        detail: 'It is a picture.',
      },
    };
    const source = await anUpload();
    expect(await problemOf(await create(source))).toBe('415 unsupported-media');
    converter.probe = { status: 200, body: media };
    const list = JobList.parse(await (await call('GET', '/api/v1/jobs')).json());
    expect(list.items.some((job) => job.spec.source.path === source)).toBe(false);
  });

  it('takes a job while the converter is away, and carries it on across a restart of main', async () => {
    const source = await anUpload();
    await converter.kill();
    const job = await jobOf(await create(source));
    const waiting = await untilPhase(job.metadata.uid, 'Queued');
    expect(waiting.status.phase).toBe('Queued');
    await stop();
    await startMain();
    await converter.start();
    await untilPhase(job.metadata.uid, 'Succeeded');
  });

  it('keeps an upload that a job names, and lets it go with the job', async () => {
    const source = await anUpload();
    const job = await jobOf(await create(source));
    const path = `/api/v1/${source.replace(/\/source$/, '')}`;
    const headers = { 'tus-resumable': '1.0.0' };
    expect((await fetch(`${url}${path}`, { method: 'DELETE', headers })).status).toBe(409);
    expect((await call('DELETE', `/api/v1/jobs/${job.metadata.uid}`)).status).toBe(202);
    for (let i = 0; i < 5000 && (await call('GET', `/api/v1/jobs/${job.metadata.uid}`)).status !== 404; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await problemOf(await call('GET', `/api/v1/jobs/${job.metadata.uid}`))).toBe('404 job-not-found');
    const info = await (await call('GET', `${path}/info`)).json();
    expect(info).toMatchObject({ jobs: [] });
  });

  it('does one action on many jobs', async () => {
    const job = await jobOf(await create(await anUpload(), { suspend: true }));
    const gone = crypto.randomUUID();
    const answer = await call('POST', '/api/v1/jobs/bulk', { action: 'cancel', ids: [job.metadata.uid, gone] });
    expect(await answer.json()).toMatchObject({ results: [{ ok: true }, { ok: false, code: 'job-not-found' }] });
    expect((await untilPhase(job.metadata.uid, 'Cancelled')).spec.cancel).toBe(true);
  });

  it('tells jobs in its OpenAPI document', async () => {
    const document = (await (await call('GET', '/openapi.json')).json()) as { paths: Record<string, unknown> };
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/api/v1/jobs', '/api/v1/jobs/{id}', '/api/v1/jobs/bulk', '/api/v1/jobs/{id}/retry']),
    );
  });
});
