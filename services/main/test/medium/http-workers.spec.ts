import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StepRequest } from '@mediajob/contract';
import { afterEach, expect, it } from 'vitest';
import { HttpWorkers } from '../../src/runtime/http-workers.js';
import { OwnVolume } from '../../src/system/own-volume.js';

const JOB = '11111111-2222-4333-8444-555555555555';
const ID = `${JOB}-cleanup-0-1-1`;
const step: StepRequest = { stage: 'cleanup', jobId: JOB, runId: ID };
const servers: Server[] = [];
const clients: HttpWorkers[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function aClient(address: string, timeoutMs = 10_000): HttpWorkers {
  const client = new HttpWorkers({ converters: [address], transcribers: [address], timeoutMs });
  clients.push(client);
  return client;
}

const json = (status: number, body: unknown): RequestListener => {
  return (_, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
const problem = (status: number, code: string) =>
  json(status, { type: `urn:mediajob:problem:${code}`, title: 'T', status, code, detail: 'What to do.' });
const task = { id: ID, instance: 'i', stage: 'cleanup', state: 'running', createdAt: '2026-01-01T00:00:00.000Z' };

it.each<[string, RequestListener, object]>([
  ['a task', json(200, task), { kind: 'status', status: task }],
  ['the task of another run', json(200, { ...task, id: 'other' }), { kind: 'unreachable', refused: false }],
  ['a page of a proxy', (_, response) => response.end('<html>'), { kind: 'unreachable', refused: false }],
  ['404 of the tasks API', problem(404, 'task-not-found'), { kind: 'unknown' }],
  ['503 while it shuts down', problem(503, 'shutting-down'), { kind: 'busy', detail: 'What to do.' }],
  ['429', problem(429, 'too-many-requests'), { kind: 'busy' }],
  ['409', problem(409, 'task-differs'), { kind: 'rejected', detail: 'What to do.' }],
  ['500', problem(500, 'internal'), { kind: 'unreachable', refused: false }],
  ['nothing', () => undefined, { kind: 'unreachable', refused: false }],
  ['a cut connection', (request) => request.socket.destroy(), { kind: 'unreachable', refused: false }],
  [
    'half an answer',
    (_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{');
      setTimeout(() => response.destroy(), 20);
    },
    { kind: 'unreachable', refused: false },
  ],
  [
    'more than anyone would',
    (_, response) => response.end('x'.repeat(9 * 1024 * 1024)),
    { kind: 'unreachable', refused: false },
  ],
])('a worker that answers %s is understood, and never throws', async (name, answer, wanted) => {
  const address = await serve(answer);
  const client = aClient(address, name === 'nothing' ? 200 : undefined);
  expect(await client.put(address, ID, step)).toMatchObject(wanted);
});

it('a port where nobody listens is told apart from silence: nothing can run there', async () => {
  const address = await serve(() => undefined);
  const [server] = servers.splice(0);
  await new Promise((resolve) => server?.close(resolve));
  expect(await aClient(address).get(address, ID)).toMatchObject({ kind: 'unreachable', refused: true });
});

it('a worker that is down is not asked again and again, and is found when it is back', async () => {
  let asked = 0;
  let up = false;
  const address = await serve((request, response) => {
    asked++;
    if (up) json(200, task)(request, response);
    else request.socket.destroy();
  });
  const client = aClient(address);
  for (let i = 0; i < 20; i++) expect((await client.get(address, ID)).kind).toBe('unreachable');
  expect(asked).toBeLessThan(20);
  up = true;
  for (let i = 0; i < 3000; i++) {
    if ((await client.get(address, ID)).kind === 'status') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it is not found again');
});

const event = (status: object) => Buffer.from(`data: ${JSON.stringify(status)}\n\n`);
const stream = (...pieces: (string | Buffer)[]): RequestListener => {
  return async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const piece of pieces) await new Promise((resolve) => response.write(piece, resolve));
    response.end();
  };
};
const ended = {
  ...task,
  state: 'failed',
  finishedAt: '2026-01-01T00:00:01.000Z',
  failure: { exitCode: 65, reason: 'UnsupportedMedia', message: 'Это не аудио.' },
};

it.each<[string, RequestListener, object[]]>([
  ['whole', stream('retry: 2000\n\n', event(task), ':\n\n', event(ended)), [task, ended]],
  ['cut into bytes', stream(...[...event(ended)].map((byte) => Buffer.of(byte))), [ended]],
  ['of another run', stream(event({ ...task, id: 'other' }), event(task)), [task]],
  ['no JSON in part', stream('data: {\n\n', event(task)), [task]],
  ['endless in one line', stream(event(task), 'x'.repeat(9 * 1024 * 1024)), [task]],
  ['not there', problem(404, 'task-not-found'), []],
  ['a page of a proxy', (_, response) => response.end('<html>'), []],
  ['refused', (request) => request.socket.destroy(), []],
])('a stream of a run that is %s is followed as far as it goes, and never throws', async (_, answer, wanted) => {
  const address = await serve(answer);
  const told: object[] = [];
  await aClient(address).follow(address, ID, (status) => told.push(status), new AbortController().signal);
  expect(told).toEqual(wanted);
});

it('a stream that nobody wants any more is hung up', async () => {
  let hungUp = false;
  const address = await serve((request, response) => {
    response.writeHead(200).write(event(task));
    request.socket.once('close', () => {
      hungUp = true;
    });
  });
  const end = new AbortController();
  await aClient(address).follow(address, ID, () => end.abort(), end.signal);
  await expect.poll(() => hungUp).toBe(true);
});

it.each([
  ['ours', { status: 'up', volumeId: '11111111-2222-4333-8444-555555555555' }, false],
  ['another', { status: 'up', volumeId: '99999999-2222-4333-8444-555555555555' }, true],
  ['gone', { status: 'down', message: 'did not answer within 2000 ms' }, true],
  ['not told', undefined, false],
])('a worker whose volume is %s is told apart', async (_, volume, elsewhere) => {
  const root = await mkdtemp(join(tmpdir(), 'mediajob-volume-'));
  try {
    const marker = { schemaVersion: 1, id: '11111111-2222-4333-8444-555555555555' };
    await writeFile(join(root, '.mediajob-volume.json'), JSON.stringify(marker));
    const list = { instance: 'i', capacity: 2, running: 0, queued: 0, draining: false, tasks: [] };
    const address = await serve((request, response) =>
      json(200, request.url === '/health' ? { status: 'ok', details: { volume } } : list)(request, response),
    );
    const client = new HttpWorkers({ converters: [address], transcribers: [], volume: new OwnVolume(root) });
    clients.push(client);
    const [load] = await client.loads('converter');
    expect(load?.elsewhere ?? false).toBe(elsewhere);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

it('loads are those of the workers that answer', async () => {
  const list = { instance: 'i', capacity: 2, running: 1, queued: 1, draining: false, tasks: [task] };
  const up = await serve(json(200, list));
  const wrong = await serve(json(200, { instance: 'j' }));
  const client = new HttpWorkers({
    converters: [up, wrong, 'http://127.0.0.1:9'],
    transcribers: [wrong],
  });
  clients.push(client);
  expect(await client.loads('converter')).toEqual([
    { address: up, instance: 'i', capacity: 2, taken: 2, draining: false, tasks: [ID] },
  ]);
  expect(await client.loads('transcriber')).toEqual([]);
});
