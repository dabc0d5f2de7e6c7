import { afterEach, describe, expect, it } from 'vitest';
import type { HttpKubeApi } from '../../src/client.js';
import type { Clock } from '../../src/environment.js';
import { Informer } from '../../src/informer.js';
import { ConfigMaps } from '../../src/kinds.js';
import type { KubeObject } from '../../src/object.js';
import { ManualClock } from '../manual-clock.js';
import { RecordedLog } from '../recorded-log.js';
import { connected, Ends } from './a-client.js';
import { answer, bookmark, isWatch, type Respond, refuse } from './loopback-server.js';

const ends = new Ends();
afterEach(ends.all);

const event = (type: string, name: string, resourceVersion: string) =>
  `${JSON.stringify({ type, object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'x', name, uid: name, resourceVersion } } })}\n`;

function aWatch(api: HttpKubeApi, signal: AbortSignal = new AbortController().signal) {
  return api.watch(ConfigMaps, {
    signal,
    resourceVersion: '5',
    namespace: 'x',
    labelSelector: 'k=v',
    timeoutSeconds: 300,
  });
}

/** Opens the watch and leaves the rest to a test. */
function open(then: (write: (text: string | Buffer) => void, end: () => void, cut: () => void) => void): Respond {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    then(
      (text) => response.write(text),
      () => response.end(),
      () => response.stream.session?.destroy(),
    );
  };
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('a watch', () => {
  it('asks for bookmarks, and yields events however the network cuts them', async () => {
    const text = Buffer.from(event('ADDED', 'ж', '6') + bookmark('8') + event('DELETED', 'ж', '9'));
    const { server, api } = await connected(
      ends,
      open(async (write, end) => {
        for (let i = 0; i < text.length; i += 13) {
          write(text.subarray(i, i + 13));
          await tick();
        }
        end();
      }),
    );
    const events: unknown[] = [];
    for await (const it of aWatch(api))
      events.push(it.type === 'BOOKMARK' ? it.resourceVersion : [it.type, it.object.metadata.name]);
    expect(events).toEqual([['ADDED', 'ж'], '8', ['DELETED', 'ж']]);
    expect(server.requests[0]?.url.pathname).toBe('/api/v1/namespaces/x/configmaps');
    expect(Object.fromEntries(server.requests[0]?.url.searchParams ?? [])).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '5',
      timeoutSeconds: '300',
      labelSelector: 'k=v',
    });
  });

  it('takes an event of 3 MB', async () => {
    const big = `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'x'.repeat(3_000_000), resourceVersion: '6' } } })}\n`;
    const { api } = await connected(
      ends,
      open((write, end) => {
        write(big);
        end();
      }),
    );
    const { value } = await aWatch(api).next();
    expect(value?.type === 'ADDED' && value.object.metadata.name.length).toBe(3_000_000);
  });

  it('ends when the server ends it, and fails when it is cut', async () => {
    const { server, api } = await connected(
      ends,
      open((write, end) => {
        write(bookmark('6'));
        end();
      }),
    );
    const ended = aWatch(api);
    await ended.next();
    expect(await ended.next()).toEqual({ done: true, value: undefined });
    server.respond = open(async (write, _, cut) => {
      write(bookmark('6'));
      await tick();
      cut();
    });
    const broken = aWatch(api);
    await broken.next();
    await expect(broken.next()).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
  });

  it('fails with the error that the server puts into it', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 5 (9)' };
    const { api } = await connected(
      ends,
      open((write) => write(`${JSON.stringify({ type: 'ERROR', object: status })}\n`)),
    );
    await expect(aWatch(api).next()).rejects.toMatchObject({ status: 410, reason: 'Expired' });
  });

  it.each([
    [410, 'Expired'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [403, 'Forbidden'],
  ])('that the server refuses with %i fails at once: whoever watches has a pause of his own', async (code, reason) => {
    const { server, api } = await connected(ends, (_, response) => refuse(response, code, reason));
    await expect(aWatch(api).next()).rejects.toMatchObject({ status: code, reason });
    expect(server.requests.length).toBe(1);
  });

  it('is opened once more with new credentials', async () => {
    const { server, api } = await connected(ends, (_, response) => {
      if (server.requests.length === 1) refuse(response, 401, 'Unauthorized');
      else response.writeHead(200).write(bookmark('6'));
    });
    expect(await aWatch(api).next()).toMatchObject({ value: { resourceVersion: '6' } });
  });

  it('that is not opened in time fails', async () => {
    const clock = new ManualClock();
    const { server, api } = await connected(ends, () => {}, { timeoutMs: 30_000, environment: by(clock) });
    const opening = expect(aWatch(api).next()).rejects.toMatchObject({
      status: 0,
      reason: 'Timeout',
      message: 'GET /api/v1/namespaces/x/configmaps: the watch was not open within 30000 ms',
    });
    while (server.watches === 0) await tick();
    await clock.advance(30_000);
    await opening;
  });

  it('that falls silent fails; bookmarks are enough to keep it', async () => {
    const clock = new ManualClock();
    const { server, api } = await connected(
      ends,
      open((write) => write(bookmark('0'))),
      {
        watchStallMs: 180_000,
        environment: by(clock),
      },
    );
    const watch = aWatch(api);
    await watch.next();
    for (let i = 1; i <= 3; i++) {
      const next = watch.next();
      await clock.advance(179_000);
      server.tellWatches(bookmark(`${i}`));
      expect(await next).toMatchObject({ value: { resourceVersion: `${i}` } });
    }
    const silent = expect(watch.next()).rejects.toMatchObject({
      reason: 'Timeout',
      message: 'GET /api/v1/namespaces/x/configmaps: the watch was silent for 180000 ms',
    });
    await clock.advance(180_000);
    await silent;
    expect(clock.timers).toBe(0);
  });

  it('ends at once when its signal is aborted: before it is open, while it is open, and before it is asked for', async () => {
    const { server, api } = await connected(ends, () => {});
    const early = new AbortController();
    const opening = expect(aWatch(api, early.signal).next()).rejects.toMatchObject({ status: 0, reason: 'Aborted' });
    while (server.watches === 0) await tick();
    early.abort();
    await opening;

    server.respond = open((write) => write(bookmark('6')));
    const late = new AbortController();
    const watch = aWatch(api, late.signal);
    await watch.next();
    const waiting = expect(watch.next()).rejects.toMatchObject({ status: 0, reason: 'Aborted' });
    late.abort();
    await waiting;

    const asked = server.requests.length;
    await expect(aWatch(api, AbortSignal.abort()).next()).rejects.toMatchObject({ reason: 'Aborted' });
    expect(server.requests.length).toBe(asked);
    while (server.watches > 0) await tick();
    expect(server.connections).toBe(1);
  });

  it('that nobody wants any more is closed at the server too', async () => {
    const { server, api } = await connected(
      ends,
      open((write) => write(bookmark('6'))),
    );
    for await (const _ of aWatch(api)) break;
    while (server.watches > 0) await tick();
    expect(server.watches).toBe(0);
  });
});

describe('an informer over the network', () => {
  it('follows the server through a cut, a forgotten version and a new list', async () => {
    let objects = ['a@5', 'b@6'];
    let oldest = 0;
    const { server, api, clock } = await connected(ends, (request, response) => {
      if (!isWatch(request)) {
        const items = objects.map((it) => ({ metadata: metadataOf(it) }));
        const newest = objects.map((it) => Number(it.split('@')[1])).reduce((a, b) => Math.max(a, b), 0);
        return answer(response, 200, { metadata: { resourceVersion: `${newest}` }, items });
      }
      if (Number(request.url.searchParams.get('resourceVersion')) < oldest) return refuse(response, 410, 'Expired');
      response.writeHead(200);
    });
    const informer = new Informer<KubeObject>({
      api,
      kind: ConfigMaps,
      environment: { clock, random: () => 0, log: new RecordedLog() },
    });
    const stop = new AbortController();
    const run = informer.run(stop.signal);
    const known = () => informer.store.list().map((it) => `${it.metadata.name}@${it.metadata.resourceVersion}`);
    const until = async (wanted: string[]) => {
      while (known().join() !== wanted.join() || server.watches === 0) await tick();
    };
    await until(['a@5', 'b@6']);
    server.tellWatches(event('MODIFIED', 'a', '7') + event('DELETED', 'b', '8'));
    await until(['a@7']);
    server.cut();
    while (server.requests.filter(isWatch).length < 2 || server.watches === 0) await tick();
    expect(server.requests.at(-1)?.url.searchParams.get('resourceVersion')).toBe('8');
    [objects, oldest] = [['c@20'], 15];
    server.cut();
    await until(['c@20']);
    stop.abort();
    await run;
    while (server.watches > 0) await tick();
    expect(known()).toEqual(['c@20']);
  });
});

function metadataOf(text: string) {
  const [name = '', resourceVersion = ''] = text.split('@');
  return { namespace: 'x', name, uid: name, resourceVersion };
}

function by(clock: Clock) {
  return { clock, random: () => 1, log: new RecordedLog() };
}
