import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigMaps, Leases } from '../../src/kinds.js';
import type { Access } from '../../src/server-access.js';
import { aClient, connected, Ends, fixedAccess, theAuthority } from './a-client.js';
import { anAuthority } from './certificates.js';
import { answer, bookmark, isWatch, LoopbackServer, type Respond } from './loopback-server.js';

const ends = new Ends();
afterEach(ends.all);

const ref = { namespace: 'x', name: 'a' };
const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'x' } };

/** Answers calls; watches stay open after a bookmark. */
const respond: Respond = (request, response) => {
  if (isWatch(request)) {
    response.writeHead(200);
    response.write(bookmark('7'));
  } else answer(response, 200, object);
};

function aWatch(api: ReturnType<typeof aClient>, signal = new AbortController().signal) {
  return api.watch(ConfigMaps, { signal, resourceVersion: '1' });
}

describe('the connections of a client', () => {
  it('are at most 3 for 1,000 calls and 10 watches', async () => {
    const { server, api } = await connected(ends, respond);
    const stop = new AbortController();
    const watches = Array.from({ length: 10 }, () => aWatch(api, stop.signal));
    const first = await Promise.all(watches.map((it) => it.next()));
    expect(first.map((it) => it.value)).toEqual(watches.map(() => ({ type: 'BOOKMARK', resourceVersion: '7' })));

    await Promise.all(Array.from({ length: 500 }, () => api.get(ConfigMaps, ref)));
    for (let i = 0; i < 500; i++) await api.get(ConfigMaps, ref);

    expect(server.requests.length).toBe(1010);
    expect(server.connections).toBeLessThanOrEqual(3);
    const ended = watches.map((it) => expect(it.next()).rejects.toMatchObject({ reason: 'Aborted' }));
    stop.abort();
    await Promise.all(ended);
    await api.get(ConfigMaps, ref);
    expect(server.connections).toBeLessThanOrEqual(3);
  });

  it('serve a server that only speaks HTTP/1.1 as well, and are kept there too', async () => {
    const authority = await theAuthority();
    const server = await LoopbackServer.start(authority, respond, 'http/1.1');
    ends.add(() => server.stop());
    const api = aClient(server.url, authority.pem);
    ends.add(() => api.close());
    const watches = Array.from({ length: 5 }, () => aWatch(api));
    await Promise.all(watches.map((it) => it.next()));
    for (let i = 0; i < 50; i++) await api.get(ConfigMaps, ref);
    // One for each call and watch at a time, and one that found out what the server speaks.
    expect(server.connections).toBeLessThanOrEqual(7);
  });

  it('are not more than calls are allowed at a time', async () => {
    const { server, api } = await connected(ends, (_, response) => setImmediate(() => answer(response, 200, object)), {
      maxConcurrentCalls: 3,
    });
    let most = 0;
    let now = 0;
    const counted = server.respond;
    server.respond = (request, response) => {
      most = Math.max(most, ++now);
      response.on('finish', () => now--);
      counted(request, response);
    };
    await Promise.all(Array.from({ length: 30 }, () => api.get(ConfigMaps, ref)));
    expect([most, server.requests.length]).toEqual([3, 30]);
  });

  it('are there for a Lease though all other calls wait', async () => {
    const held: (() => void)[] = [];
    const { server, api } = await connected(
      ends,
      (request, response) => {
        if (request.url.pathname.includes('/leases/')) answer(response, 200, object);
        else held.push(() => answer(response, 200, object));
      },
      { maxConcurrentCalls: 2 },
    );
    const waiting = Array.from({ length: 5 }, () => api.get(ConfigMaps, ref));
    await api.get(Leases, ref);
    while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await api.get(Leases, ref);
    expect(server.requests.length).toBe(4);
    server.respond = (_, response) => answer(response, 200, object);
    for (const go of held) go();
    await Promise.all(waiting);
  });

  it('are made anew when the server has cut them', async () => {
    const { server, api } = await connected(ends, respond);
    await api.get(ConfigMaps, ref);
    server.cut();
    await api.get(ConfigMaps, ref);
    expect(server.connections).toBe(2);
  });

  it('are made anew when they are dead without a word, though a watch is open on them', async () => {
    const authority = await theAuthority();
    const server = await LoopbackServer.start(authority, respond);
    ends.add(() => server.stop());
    const relay = await aRelay(server.port);
    const api = aClient(`https://127.0.0.1:${relay.port}`, authority.pem, { timeoutMs: 1000 });
    ends.add(() => api.close());
    const watch = aWatch(api);
    await watch.next();
    const cut = watch.next().then(
      () => 'an event',
      (error: unknown) => (error as { reason?: string }).reason,
    );
    relay.swallow();
    // The call itself may fail; it must not take the connection for alive for ever.
    await api.get(ConfigMaps, ref);
    expect(await cut).toBe('Unreachable');
  });

  it('refuse a server whose certificate another authority has made', async () => {
    const stranger = await anAuthority('stranger');
    const server = await LoopbackServer.start(stranger, respond);
    ends.add(() => server.stop());
    const api = aClient(server.url, (await theAuthority()).pem, { retry: { maxTries: 1 } });
    ends.add(() => api.close());
    await expect(api.get(ConfigMaps, ref)).rejects.toMatchObject({
      reason: 'Unreachable',
      message:
        'GET /api/v1/namespaces/x/configmaps/a: the API server cannot be reached (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    });
    expect(server.requests).toEqual([]);
  });

  it('follow an authority that changes, and let what is open end by itself', async () => {
    const [first, second] = [await theAuthority(), await anAuthority('second')];
    const server = await LoopbackServer.start(first, respond);
    ends.add(() => server.stop());
    let ca = first.pem;
    const access = { ...fixedAccess(server.url, ca), current: () => fixedAccess(server.url, ca).current() };
    const api = aClient(server.url, ca, { access });
    ends.add(() => api.close());
    const stop = new AbortController();
    const watch = aWatch(api, stop.signal);
    await watch.next();

    await server.present(second);
    ca = second.pem;
    await Promise.all(Array.from({ length: 5 }, () => api.get(ConfigMaps, ref)));
    expect(server.connections).toBe(2);
    const still = watch.next();
    server.tellWatches(bookmark('8'));
    expect(await still).toMatchObject({ value: { resourceVersion: '8' } });
    stop.abort();
    await expect(watch.next()).rejects.toMatchObject({ reason: 'Aborted' });
  });

  it('are closed for good with the client', async () => {
    const { api } = await connected(ends, respond);
    const watch = aWatch(api);
    await watch.next();
    const open = expect(watch.next()).rejects.toMatchObject({ reason: 'Unreachable' });
    await api.close();
    await open;
    await expect(api.list(ConfigMaps)).rejects.toMatchObject({ status: 0, reason: 'Unreachable' });
  });

  it('go through a proxy when the kubeconfig names one', async () => {
    const authority = await theAuthority();
    const server = await LoopbackServer.start(authority, respond);
    ends.add(() => server.stop());
    const proxy = await aProxy();
    const current = async (): Promise<Access> => ({
      server: new URL(server.url),
      headers: {},
      tls: { ca: authority.pem },
      proxy: `http://127.0.0.1:${proxy.port}`,
    });
    const api = aClient(server.url, authority.pem, { access: { ...fixedAccess(server.url, ''), current } });
    ends.add(() => api.close());
    await api.get(ConfigMaps, ref);
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${server.port} HTTP/1.1`]);
  });

  it('do not hold up calls when nobody reads a watch', async () => {
    const padding = 'x'.repeat(100_000);
    const { api } = await connected(ends, (request, response) => {
      if (!isWatch(request)) return answer(response, 200, { ...object, data: { padding: padding.repeat(20) } });
      response.writeHead(200);
      for (let i = 1; i <= 40; i++) {
        const metadata = { name: 'a', resourceVersion: `${i}` };
        response.write(`${JSON.stringify({ type: 'MODIFIED', object: { metadata, data: { padding } } })}\n`);
      }
    });
    const watches = Array.from({ length: 4 }, () => aWatch(api));
    await Promise.all(watches.map((it) => it.next()));
    for (let i = 0; i < 5; i++) await api.get(ConfigMaps, ref);
    for (const watch of watches) {
      let last: unknown;
      for (let i = 2; i <= 40; i++) last = (await watch.next()).value;
      expect(last).toMatchObject({ object: { metadata: { resourceVersion: '40' } } });
    }
  });
});

/** Passes bytes on, until it is told to swallow those of all that is open, as a lost route does. */
async function aRelay(port: number) {
  const open = new Set<Socket>();
  const dead = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on('data', (data: Buffer) => {
        if (!dead.has(from)) to.write(data);
      });
      from.on('error', () => {});
      from.on('close', () => {
        if (!dead.has(from)) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.add(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    swallow: () => {
      for (const socket of open) dead.add(socket);
    },
  };
}

/** An HTTP proxy that makes tunnels. */
async function aProxy() {
  const asked: string[] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => {});
    client.once('data', (data: Buffer) => {
      const line = data.toString().split('\r\n')[0] ?? '';
      asked.push(line);
      const upstream = connect(Number(line.match(/:(\d+) /)?.[1]), '127.0.0.1');
      open.add(upstream);
      upstream.on('error', () => {});
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.add(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { asked, port: (server.address() as { port: number }).port };
}
