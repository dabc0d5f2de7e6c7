import { afterEach, describe, expect, it } from 'vitest';
import { ConfigMaps } from '../../src/kinds.js';
import { aClient } from './a-client.js';
import { anAuthority } from './certificates.js';
import { answer, LoopbackServer } from './loopback-server.js';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe('connections', () => {
  it('are at most 3 for 1,000 calls and 10 watches', async () => {
    const authority = await anAuthority('first');
    const server = await LoopbackServer.start(authority, ({ url }, response) => {
      if (url.searchParams.get('watch') === 'true') {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } })}\n`);
        return;
      }
      answer(response, 200, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } });
    });
    ends.push(() => server.stop());
    const api = aClient(server.url, authority.pem);
    ends.push(() => api.close());

    const stop = new AbortController();
    const watches = Array.from({ length: 10 }, () =>
      api.watch(ConfigMaps, { signal: stop.signal, resourceVersion: '1' })[Symbol.asyncIterator](),
    );
    const first = await Promise.all(watches.map((it) => it.next()));
    expect(first.map((it) => it.value)).toEqual(watches.map(() => ({ type: 'BOOKMARK', resourceVersion: '7' })));

    await Promise.all(Array.from({ length: 1000 }, () => api.get(ConfigMaps, { namespace: 'x', name: 'a' })));

    expect(server.requests.length).toBe(1010);
    expect(server.connections).toBeLessThanOrEqual(3);
    const ended = watches.map((it) => expect(it.next()).rejects.toMatchObject({ reason: 'Aborted' }));
    stop.abort();
    await Promise.all(ended);
  });
});
