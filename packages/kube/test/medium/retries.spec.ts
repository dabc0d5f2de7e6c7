import { afterEach, describe, expect, it } from 'vitest';
import type { HttpKubeApi } from '../../src/client.js';
import { type Clock, systemClock } from '../../src/environment.js';
import { ConfigMaps, Jobs } from '../../src/kinds.js';
import { KubeConfigError } from '../../src/server-access.js';
import { ManualClock } from '../manual-clock.js';
import { RecordedLog } from '../recorded-log.js';
import { connected, Ends } from './a-client.js';
import { answer, type Respond, refuse } from './loopback-server.js';

const ends = new Ends();
afterEach(ends.all);

const ref = { namespace: 'x', name: 'a' };
const metadata = {
  namespace: 'x',
  name: 'a',
  uid: 'u',
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
};
const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
const unversioned = { ...object, metadata: { ...metadata, resourceVersion: '' } };

const get = (api: HttpKubeApi) => api.get(ConfigMaps, ref);
const create = (api: HttpKubeApi) => api.create(ConfigMaps, object);

/** The answers in this order; the last one from then on. */
function inTurn(...answers: Respond[]): Respond {
  return (request, response) => {
    const next = answers.length > 1 ? answers.shift() : answers[0];
    next?.(request, response);
  };
}

/** An object, and a list too. */
const ok: Respond = (_, response) => answer(response, 200, { ...object, items: [] });
const refused =
  (code: number, reason: string, headers: Record<string, string> = {}): Respond =>
  (_, response) =>
    refuse(response, code, reason, {}, headers);
/** In the middle of the answer. */
const cut: Respond = (_, response) => {
  response.writeHead(200);
  response.write('{"apiVersion":');
  setTimeout(() => response.stream.session?.destroy(), 20);
};
const silent: Respond = () => {};
const slow: Respond = (_, response) => {
  response.writeHead(200);
  response.write('{"apiVersion":');
};

const idempotent: [string, (api: HttpKubeApi) => Promise<unknown>][] = [
  ['GET', get],
  ['LIST', (api) => api.list(ConfigMaps)],
  ['PUT with a resourceVersion', (api) => api.replace(ConfigMaps, object)],
  ['apply', (api) => api.apply(ConfigMaps, object, { fieldManager: 'me' })],
  [
    'DELETE with a uid',
    (api) => api.delete(Jobs, ref, { propagationPolicy: 'Background', preconditions: { uid: 'u' } }),
  ],
];

const once: [string, (api: HttpKubeApi) => Promise<unknown>][] = [
  ['POST', create],
  ['merge patch', (api) => api.patch(ConfigMaps, ref, { type: 'merge', body: {} })],
  ['JSON patch', (api) => api.patch(ConfigMaps, ref, { type: 'json', body: [] })],
  ['PUT without a resourceVersion', (api) => api.replace(ConfigMaps, unversioned)],
  ['DELETE without a precondition', (api) => api.delete(Jobs, ref, { propagationPolicy: 'Background' })],
  ['POST of a question', (api) => api.post('/apis/authentication.k8s.io/v1/tokenreviews', {})],
];

describe('a call that fails', () => {
  it.each(idempotent)('is sent again after a 500, a 503 and a cut: %s', async (_, call) => {
    const { server, api, clock } = await connected(
      ends,
      inTurn(refused(500, 'InternalError'), refused(503, 'ServiceUnavailable'), cut, ok),
    );
    await call(api);
    expect([server.requests.length, clock.pauses]).toEqual([4, [100, 200, 400]]);
  });

  it.each(once)('is not sent again after a 500 or a cut: %s', async (_, call) => {
    for (const failure of [refused(500, 'InternalError'), cut]) {
      const { server, api } = await connected(ends, inTurn(failure, ok));
      await expect(call(api)).rejects.toThrow();
      expect(server.requests.length).toBe(1);
    }
  });

  it.each([...idempotent, ...once])('is sent again after a 429, once the server wants it: %s', async (_, call) => {
    const tooMany = refused(429, 'TooManyRequests', { 'retry-after': '2' });
    const { server, api, clock } = await connected(ends, inTurn(tooMany, ok));
    await call(api);
    expect([server.requests.length, clock.pauses]).toEqual([2, [2100]]);
  });

  it('is given up after five tries, with the last error', async () => {
    const { server, api, clock } = await connected(ends, refused(503, 'ServiceUnavailable'));
    await expect(get(api)).rejects.toMatchObject({ status: 503, reason: 'ServiceUnavailable' });
    expect([server.requests.length, clock.pauses]).toEqual([5, [100, 200, 400, 800]]);
  });

  it('is left to the caller when the server asks for a longer wait than a call may take', async () => {
    const { server, api } = await connected(ends, refused(429, 'TooManyRequests', { 'retry-after': '60' }));
    await expect(get(api)).rejects.toMatchObject({ status: 429, retryAfterMs: 60_000 });
    expect(server.requests.length).toBe(1);
  });

  it.each([
    [404, 'NotFound'],
    [409, 'Conflict'],
    [410, 'Expired'],
    [422, 'Invalid'],
    [403, 'Forbidden'],
  ])('for good is not sent again: %i', async (code, reason) => {
    const { server, api } = await connected(ends, refused(code, reason));
    await expect(get(api)).rejects.toMatchObject({ status: code, reason });
    expect(server.requests.length).toBe(1);
  });

  it('is done when a DELETE finds nothing after one that was not answered, and only then', async () => {
    const remove = (api: HttpKubeApi) =>
      api.delete(Jobs, ref, { propagationPolicy: 'Background', preconditions: { uid: 'u' } });
    const gone = refused(404, 'NotFound');
    const after = async (...answers: Respond[]) => remove((await connected(ends, inTurn(...answers))).api);
    await expect(after(cut, gone)).resolves.toBeUndefined();
    await expect(after(gone)).rejects.toMatchObject({ status: 404 });
    await expect(after(refused(429, 'TooManyRequests'), gone)).rejects.toMatchObject({ status: 404 });
  });

  it('is sent once more with new credentials when the server does not know the old ones, whatever its verb', async () => {
    const { server, api } = await connected(ends, inTurn(refused(401, 'Unauthorized'), ok));
    await create(api);
    expect(server.requests.length).toBe(2);
    server.respond = refused(401, 'Unauthorized');
    await expect(create(api)).rejects.toMatchObject({ status: 401 });
    expect(server.requests.length).toBe(4);
  });
});

describe('a call without an answer', () => {
  it.each([
    ['at all', silent],
    ['that comes to an end', slow],
  ])('%s is given up after its time, and sent again', async (_, respond) => {
    const clock = new ManualClock();
    const { server, api } = await connected(ends, respond, { timeoutMs: 30_000, environment: by(clock) });
    const call = expect(get(api)).rejects.toMatchObject({
      status: 0,
      reason: 'Timeout',
      message: 'GET /api/v1/namespaces/x/configmaps/a: no answer came within 30000 ms',
    });
    for (let tried = 1; tried <= 5; tried++) {
      await untilTrue(() => server.requests.length === tried, clock);
      await clock.advance(30_000);
    }
    await call;
    expect([server.requests.length, clock.timers]).toEqual([5, 0]);
  });

  it('has the time that its caller gives it, and a POST is not sent again', async () => {
    const clock = new ManualClock();
    const { server, api } = await connected(ends, silent, { environment: by(clock) });
    const call = expect(api.create(ConfigMaps, object, { timeoutMs: 10_000 })).rejects.toMatchObject({
      message: expect.stringContaining('no answer came within 10000 ms'),
    });
    await untilTrue(() => server.requests.length === 1);
    await clock.advance(10_000);
    await call;
    expect(server.requests.length).toBe(1);
  });

  it('because the credentials never come is given up after its time too', async () => {
    const clock = new ManualClock();
    const access = { namespace: undefined, current: () => new Promise<never>(() => {}), renew: async () => {} };
    const { server, api } = await connected(ends, ok, { timeoutMs: 30_000, environment: by(clock), access });
    const call = expect(create(api)).rejects.toMatchObject({ reason: 'Timeout' });
    await clock.advance(30_000);
    await call;
    expect(server.requests).toEqual([]);
  });

  it('because the credentials cannot be read says why', async () => {
    const current = () => Promise.reject(new KubeConfigError('the token file is gone'));
    const { api } = await connected(ends, ok, { access: { namespace: undefined, current, renew: async () => {} } });
    await expect(create(api)).rejects.toMatchObject({
      status: 0,
      reason: 'Unreachable',
      message: 'POST /api/v1/namespaces/x/configmaps: the API server cannot be reached: the token file is gone',
    });
  });

  it('from a server that is not there fails as unreachable', async () => {
    const { server, api } = await connected(ends, ok);
    await server.stop();
    await expect(get(api)).rejects.toMatchObject({
      status: 0,
      reason: 'Unreachable',
      message: expect.stringContaining('(ECONNREFUSED)'),
    });
  });
});

describe('an aborted signal', () => {
  it('ends a call that is under way, and frees what it used', async () => {
    const { server, api } = await connected(ends, inTurn(silent, ok), { maxConcurrentCalls: 1 });
    const stop = new AbortController();
    const call = expect(api.get(ConfigMaps, ref, { signal: stop.signal })).rejects.toMatchObject({
      status: 0,
      reason: 'Aborted',
    });
    await untilTrue(() => server.requests.length === 1);
    stop.abort();
    await call;
    await get(api);
    expect(server.connections).toBe(1);
  });

  it('ends a call that waits for others', async () => {
    const { server, api } = await connected(ends, silent, { maxConcurrentCalls: 1 });
    const [first, second] = [new AbortController(), new AbortController()];
    const under = expect(api.get(ConfigMaps, ref, { signal: first.signal })).rejects.toMatchObject({
      reason: 'Aborted',
    });
    await untilTrue(() => server.requests.length === 1);
    const waits = expect(api.get(ConfigMaps, ref, { signal: second.signal })).rejects.toMatchObject({
      reason: 'Aborted',
    });
    second.abort();
    await waits;
    first.abort();
    await under;
    expect(server.requests.length).toBe(1);
  });

  it('ends the pause before a call is sent again', async () => {
    const { server, api } = await connected(ends, refused(500, 'InternalError'), {
      environment: by(systemClock),
      retry: { backoffMs: 50_000, maxBackoffMs: 50_000 },
    });
    const stop = new AbortController();
    const call = expect(api.get(ConfigMaps, ref, { signal: stop.signal })).rejects.toMatchObject({ reason: 'Aborted' });
    await untilTrue(() => server.requests.length === 1);
    stop.abort();
    await call;
    expect(server.requests.length).toBe(1);
  });

  it('lets no call begin', async () => {
    const { server, api } = await connected(ends, ok);
    await expect(api.get(ConfigMaps, ref, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      reason: 'Aborted',
    });
    expect(server.requests).toEqual([]);
  });
});

function by(clock: Clock) {
  return { clock, random: () => 1, log: new RecordedLog() };
}

/** Waits for what comes over the network; a clock is moved on meanwhile, by less than any limit. */
async function untilTrue(condition: () => boolean, clock?: ManualClock): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await clock?.advance(50);
  }
}
