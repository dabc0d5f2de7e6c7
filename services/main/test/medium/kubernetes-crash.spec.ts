import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MediaJob } from '@mediajob/contract';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Label } from '../../src/kubernetes/media-job-kind.js';
import { FakeApiServer, type Treatment } from '../kubernetes/fake-api-server.js';
import { MainProcess } from './main-process.js';
import { idOf, upload, wav } from './tus-client.js';

/** main as its image runs it, killed as kill -9 does. */
let api: FakeApiServer;
let dataDir: string;
const mains: MainProcess[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediajob-cluster-'));
  api = await new FakeApiServer().start();
});
afterEach(async () => {
  await Promise.all(mains.splice(0).map((main) => main.kill()));
  await api.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function start(): Promise<MainProcess> {
  const kubeconfig = join(dataDir, 'kubeconfig');
  await writeFile(kubeconfig, api.kubeconfig);
  const main = await MainProcess.start(dataDir, {
    entry: '../../src/server.ts',
    environment: {
      MEDIAJOB_RUNTIME: 'kubernetes',
      KUBECONFIG: kubeconfig,
      MEDIAJOB_CONVERTER_URLS: 'http://127.0.0.1:9',
      MEDIAJOB_TRANSCRIBER_URLS: 'http://127.0.0.1:9',
    },
  });
  mains.push(main);
  return main;
}

const send = (main: MainProcess, source: string) =>
  fetch(`${main.url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ spec: { source: { path: source }, transcribe: {} } }),
  });
const anUpload = async (main: MainProcess) => `uploads/${idOf(await upload(main.url, wav(5000)))}/source`;
const found = async (main: MainProcess, id: string) => {
  const answer = await fetch(`${main.url}/api/v1/jobs/${id}`);
  return answer.ok ? MediaJob.parse(await answer.json()).metadata.uid : answer.status;
};
const poll = <T>(look: () => T) => expect.poll(look, { timeout: 60_000 });
const kept = async (main: MainProcess) => (await (await fetch(`${main.url}/api/v1/system`)).json()).cluster.queued;

/** Resolves when a request to make a job has come, which is then treated so. */
function whenPosted(treatment: Treatment): Promise<void> {
  return new Promise((resolve) => {
    api.treat = (request) => {
      if (!request.startsWith('POST')) return 'answer';
      setImmediate(resolve);
      return treatment;
    };
  });
}

/** Seldom a machine takes so long to start seven mains. */
const PATIENCE_MS = 600_000;

it(
  'a main that is killed, whenever that is, makes each job that it was given once',
  async () => {
    let main = await start();
    const moments: [Treatment, string][] = [
      ['ignore', 'before the cluster has done what it was asked'],
      ['do', 'when the cluster has done it, and main has not heard of it'],
      ['answer', 'when the cluster has just answered'],
    ];
    for (const [made, [treatment, moment]] of moments.entries()) {
      const source = await anUpload(main);
      await api.stop();
      const answer = await send(main, source);
      expect([moment, answer.status]).toEqual([moment, 202]);
      const { uid, name } = MediaJob.parse(await answer.json()).metadata;
      const posted = whenPosted(treatment);
      await api.start();
      await posted;
      await main.kill();
      api.treat = () => 'answer';

      main = await start();
      await poll(() => api.jobs().length).toBe(made + 1);
      const job = api.jobs().find((it) => it.metadata.name === name);
      expect([moment, job?.metadata.labels?.[Label.request]]).toEqual([moment, uid]);
      await poll(() => found(main, uid)).toBe(job?.metadata.uid);
      await poll(() => kept(main)).toBe(0);
      expect([moment, api.jobs().length]).toEqual([moment, made + 1]);
    }

    // The same with a cluster that answers: whoever sent the request hears nothing, and sends it again.
    const source = await anUpload(main);
    const posted = whenPosted('do');
    const unheard = send(main, source).catch(() => undefined);
    await posted;
    await main.kill();
    await unheard;
    api.treat = () => 'answer';
    main = await start();
    for (let i = 0; i < 2; i++) expect((await send(main, source)).status).toBe(200);
    expect(api.jobs()).toHaveLength(moments.length + 1);
  },
  PATIENCE_MS,
);

it(
  'two mains over one volume make a job that one of them has kept once',
  async () => {
    const [one, other] = await Promise.all([start(), start()]);
    const source = await anUpload(one);
    await api.stop();
    const { uid } = MediaJob.parse(await (await send(one, source)).json()).metadata;
    await poll(() => found(other, uid)).toBe(uid);
    await api.start();
    await poll(() => api.jobs().length).toBe(1);
    const [job] = api.jobs();
    for (const main of [one, other]) {
      await poll(() => found(main, uid)).toBe(job?.metadata.uid);
      await poll(() => kept(main)).toBe(0);
    }
    expect(api.jobs()).toHaveLength(1);
  },
  PATIENCE_MS,
);
