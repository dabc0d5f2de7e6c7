import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobList, MediaJob, Problem, SystemStatus } from '@mediajob/contract';
import { KubeApiError } from '@mediajob/kube';
import { sha256Of } from '@mediajob/storage';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaJobs } from '../../src/kubernetes/media-job-kind.js';
import { Sweeper } from '../../src/sweep/sweeper.js';
import { NAMESPACE } from '../kubernetes/cluster-world.js';
import { EventReader } from '../kubernetes/event-reader.js';
import { FakeApiServer } from '../kubernetes/fake-api-server.js';
import { type MainOnCluster, startMainOnCluster } from '../kubernetes/main-on-cluster.js';
import { idOf, upload, wav } from './tus-client.js';

/** All of main as it is served, over an API server on loopback. */
let api: FakeApiServer;
let main: MainOnCluster;
let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediajob-cluster-'));
  api = await new FakeApiServer().start();
  main = await startMainOnCluster(dataDir, api);
});
afterEach(async () => {
  await main.stop();
  await api.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const call = (method: string, path: string, body?: unknown) =>
  fetch(`${main.url}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
const create = (source: string, spec: object = {}, metadata: object = {}) =>
  call('POST', '/api/v1/jobs', { metadata, spec: { source: { path: source }, transcribe: {}, ...spec } });
const anUpload = async () => `uploads/${idOf(await upload(main.url, wav(5000), { filename: 'Доклад.wav' }))}/source`;
const jobOf = async (answer: Response) => {
  const body: unknown = await answer.json();
  if (!answer.ok) throw new Error(`answered ${answer.status}: ${JSON.stringify(body)}`);
  return MediaJob.parse(body);
};
const problemOf = async (answer: Response) => {
  const problem = Problem.parse(await answer.json());
  return `${answer.status} ${problem.code}`;
};
const list = async () => JobList.parse(await (await call('GET', '/api/v1/jobs')).json());
const system = async () => SystemStatus.parse(await (await call('GET', '/api/v1/system')).json());
const apply = (name: string, spec: object) =>
  api.objects.create(MediaJobs, {
    apiVersion: 'mediajob.io/v1alpha1',
    kind: 'MediaJob',
    metadata: { name, namespace: NAMESPACE },
    spec,
  });
const poll = <T>(look: () => T) => expect.poll(look, { timeout: 60_000 });

/** What a finished stage leaves. */
async function finish(uid: string, text: string): Promise<void> {
  const directory = join(dataDir, 'outputs', uid);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'transcript.txt'), text);
  const manifest = {
    schemaVersion: 1,
    jobId: uid,
    stage: 'finalize',
    shard: 0,
    runId: 'test',
    inputSha256: '0'.repeat(64),
    parametersSha256: '0'.repeat(64),
    tools: {},
    files: [{ path: `outputs/${uid}/transcript.txt`, bytes: text.length, sha256: sha256Of(text) }],
    result: {},
    finishedAt: new Date().toISOString(),
  };
  await writeFile(join(directory, 'finalize.manifest.json'), JSON.stringify(manifest));
}

describe('the API over a cluster', () => {
  it('makes a MediaJob of an upload, and follows it to its end by events', async () => {
    const reader = await EventReader.open(main.url);
    const source = await anUpload();
    const answer = await create(source, {}, { title: 'Доклад' });
    expect(answer.status).toBe(201);
    const job = await jobOf(answer);
    const { uid, name } = job.metadata;
    expect(answer.headers.get('location')).toBe(`/api/v1/jobs/${uid}`);
    const [made] = api.jobs();
    expect(made?.metadata).toMatchObject({
      uid,
      labels: { 'app.kubernetes.io/managed-by': 'mediajob-main' },
      annotations: {
        'mediajob.io/title': 'Доклад',
        'mediajob.io/file-name': 'Доклад.wav',
        'mediajob.io/traceparent': expect.stringMatching(/^00-/),
      },
    });
    expect((await create(source)).status).toBe(200);
    const status = { phase: 'Succeeded', observedGeneration: 1 };
    const ref = { namespace: NAMESPACE, name };
    api.objects.patch(MediaJobs, ref, { type: 'merge', body: { status } }, { subresource: 'status' });
    await poll(() => reader.jobs).toEqual([`job ${uid} Pending`, `job ${uid} Succeeded`]);
    expect((await call('DELETE', `/api/v1/jobs/${uid}`)).status).toBe(202);
    await poll(() => reader.jobs.at(-1)).toBe(`job-deleted ${uid}`);
    expect(await problemOf(await call('GET', `/api/v1/jobs/${uid}`))).toBe('404 job-not-found');
    reader.close();
    const lines = main.logs.filter(({ category }) => category === 'audit').map((it) => `${it.action} ${it.outcome}`);
    expect(lines).toEqual(expect.arrayContaining(['job.create success', 'job.delete success']));
  });

  it('shows what kubectl made, serves its files by its uid, and changes it', async () => {
    const { metadata } = apply('talk', { source: { path: 'inbox/talk.mp3' }, transcribe: {} });
    await poll(async () => (await list()).items.map((job) => job.metadata.name)).toEqual(['talk']);
    const job = `/api/v1/jobs/${metadata.uid}`;
    await finish(metadata.uid, 'Hello.');
    expect(await (await call('GET', `${job}/outputs/transcript.txt`)).text()).toBe('Hello.');
    expect((await jobOf(await call('POST', `${job}/cancel`))).spec.cancel).toBe(true);
    expect((await jobOf(await call('POST', `${job}/retry`))).spec.cancel).toBe(false);
    const patched = await jobOf(await call('PATCH', job, { metadata: { title: 'Talk' }, spec: { retries: 1 } }));
    expect(patched).toMatchObject({
      metadata: { annotations: { 'mediajob.io/title': 'Talk', 'mediajob.io/retry': expect.any(String) } },
      spec: { retries: 1 },
    });
    const bulk = { action: 'suspend', ids: [metadata.uid, crypto.randomUUID()] };
    expect(await (await call('POST', '/api/v1/jobs/bulk', bulk)).json()).toMatchObject({
      results: [{ ok: true }, { ok: false, code: 'job-not-found' }],
    });
    expect(api.jobs()).toMatchObject([{ spec: { cancel: false, suspend: true, retries: 1 } }]);
  });

  it('answers what the cluster refuses with the field and what to do', async () => {
    const causes = [{ reason: 'FieldValueInvalid', field: 'spec', message: 'source cannot be changed' }];
    const refused = new KubeApiError('invalid', { status: 422, reason: 'Invalid', details: { causes } });
    api.objects.admit = () => refused;
    const answer = await create(await anUpload());
    expect(answer.status).toBe(422);
    expect(Problem.parse(await answer.json())).toMatchObject({
      code: 'validation-failed',
      detail: expect.stringContaining('spec: source cannot be changed'),
      errors: [{ path: 'spec', message: 'source cannot be changed' }],
    });
  });

  it('tells that the cluster answers: in the system status, in health and in metrics', async () => {
    await poll(async () => (await system()).cluster?.state).toBe('up');
    expect(await system()).toMatchObject({ runtime: 'kubernetes', cluster: { namespace: NAMESPACE, queued: 0 } });
    const health = await (await call('GET', '/health')).json();
    expect(health.details.kubernetes).toMatchObject({ status: 'up', namespace: NAMESPACE, synced: true });
    const { registry } = main.service.context.metrics;
    const metrics = await registry.metrics();
    expect(metrics).toMatch(/dependency_up\{.*name="kubernetes".*\} 1/);
    expect(metrics).toMatch(/mediajob_outbox_jobs\{.*\} 0/);
    expect(metrics).toMatch(/rest_client_requests_total/);
  });

  it('leaves the directories of jobs alone: the operator removes them, or keeps them when it is told to', async () => {
    const kept = crypto.randomUUID();
    const old = new Date(Date.now() - 100 * 3_600_000);
    for (const top of ['jobs', 'outputs']) {
      const directory = join(dataDir, top, kept);
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, 'file'), 'x');
      for (const path of [join(directory, 'file'), directory]) await utimes(path, old, old);
    }
    await main.service.app.get(Sweeper).sweep();
    for (const top of ['jobs', 'outputs']) expect(await readdir(join(dataDir, top))).toContain(kept);
  });
});

describe('while the API server is away', () => {
  it('uploads go on and jobs are kept, seen and changed; when it is back each is made once', async () => {
    apply('talk', { source: { path: 'inbox/talk.mp3' }, transcribe: {} });
    await poll(async () => (await list()).total).toBe(1);
    await api.stop();
    const reader = await EventReader.open(main.url);
    const source = await anUpload();
    const answer = await create(source, {}, { title: 'Доклад' });
    expect(answer.status).toBe(202);
    const kept = await jobOf(answer);
    const { uid } = kept.metadata;
    expect(answer.headers.get('location')).toBe(`/api/v1/jobs/${uid}`);
    expect(kept.status).toMatchObject({ phase: 'Pending', message: expect.stringMatching(/cluster does not answer/) });
    expect((await create(source)).status).toBe(200);
    const dropped = await jobOf(await create(await anUpload()));

    expect((await list()).items.map((job) => job.metadata.name)).toContain('talk');
    expect((await list()).total).toBe(3);
    expect((await jobOf(await call('GET', `/api/v1/jobs/${uid}`))).metadata.uid).toBe(uid);
    expect(await (await call('GET', `/api/v1/jobs/${uid}/outputs`)).json()).toEqual({ outputs: [] });
    expect((await jobOf(await call('POST', `/api/v1/jobs/${uid}/suspend`))).status.phase).toBe('Suspended');
    expect((await call('DELETE', `/api/v1/jobs/${dropped.metadata.uid}`)).status).toBe(202);
    const headers = { 'tus-resumable': '1.0.0' };
    const theUpload = `/api/v1/${source.replace(/\/source$/, '')}`;
    expect((await fetch(`${main.url}${theUpload}`, { method: 'DELETE', headers })).status).toBe(409);

    const status = await system();
    expect(status).toMatchObject({ health: 'degraded', cluster: { state: 'down', queued: 1 } });
    expect(status.cluster?.detail).toMatch(/cannot be reached\. It is tried again by itself\./);
    expect((await call('GET', '/health/ready')).status).toBe(200);
    const health = await call('GET', '/health');
    expect([health.status, (await health.json()).details.kubernetes.status]).toEqual([200, 'degraded']);
    const [talk] = (await list()).items.filter((job) => job.metadata.name === 'talk');
    const cancelled = await call('POST', `/api/v1/jobs/${talk?.metadata.uid}/cancel`);
    expect(await problemOf(cancelled)).toBe('503 cluster-unavailable');

    await api.start();
    await poll(() => api.jobs().length).toBe(2);
    const made = api.jobs().find((job) => job.metadata.name !== 'talk');
    expect(made).toMatchObject({
      metadata: { name: kept.metadata.name, annotations: { 'mediajob.io/title': 'Доклад' } },
      spec: { suspend: true },
    });
    await poll(() => reader.jobs.slice(-2)).toEqual([`job-deleted ${uid}`, `job ${made?.metadata.uid} Pending`]);
    expect((await jobOf(await call('GET', `/api/v1/jobs/${uid}`))).metadata.uid).toBe(made?.metadata.uid);
    await finish(made?.metadata.uid ?? '', 'Hello.');
    expect(await (await call('GET', `/api/v1/jobs/${uid}/outputs/transcript.txt`)).text()).toBe('Hello.');
    await poll(async () => (await system()).cluster).toMatchObject({ state: 'up', queued: 0 });
    expect((await list()).total).toBe(2);
    expect(api.writes.filter((it) => it.startsWith('POST'))).toHaveLength(1);
    reader.close();
  });

  it('a start neither waits nor fails, keeps what it is given, and says that the jobs are not known', async () => {
    const source = await anUpload();
    await main.stop();
    await api.stop();
    main = await startMainOnCluster(dataDir, api, { MEDIAJOB_UPLOAD_TTL: '1s' });
    expect((await call('GET', '/health/ready')).status).toBe(200);
    const kept = await jobOf(await create(source));
    expect(await problemOf(await call('GET', '/api/v1/jobs'))).toBe('503 cluster-unavailable');
    expect((await call('GET', `/api/v1/jobs/${kept.metadata.uid}`)).status).toBe(200);
    // An upload that nobody touched for the TTL: only the kept job names it.
    await main.stop();
    const directory = join(dataDir, source.replace(/\/source$/, ''));
    const old = new Date(Date.now() - 3_600_000);
    for (const file of ['source', 'upload.json']) await utimes(join(directory, file), old, old);
    main = await startMainOnCluster(dataDir, api, { MEDIAJOB_UPLOAD_TTL: '1s' });
    await main.service.app.get(Sweeper).sweep();
    expect(await readdir(directory)).toContain('source');
    await api.start();
    await poll(() => api.jobs().length).toBe(1);
    await poll(async () => (await call('GET', '/api/v1/jobs')).status).toBe(200);
    await main.service.app.get(Sweeper).sweep();
    expect(await readdir(directory)).toContain('source');
  });
});
