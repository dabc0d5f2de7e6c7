import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import { KubeClient, type Resource, type WatchLine } from '../cluster/kube-client.ts';
import { until } from '../cluster/until.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string): object => ({ metadata: { name } });
const forever = (): AbortSignal => AbortSignal.timeout(240_000);

describe('the fault proxy', () => {
  let controlPlane: ControlPlane;
  let proxy: FaultProxy;
  /** Goes through the proxy; `controlPlane.client` does not. */
  let client: KubeClient;
  let count = 0;
  let name: string;
  let path: string;

  beforeAll(async () => {
    controlPlane = await startControlPlane({ controllers: false });
  });

  beforeEach(async () => {
    name = `map-${++count}`;
    path = `${CONFIG_MAPS}/${name}`;
    proxy = await FaultProxy.start(controlPlane);
    client = await KubeClient.of(await proxy.kubeconfigFor());
  });

  afterEach(async () => {
    client.close();
    await proxy.stop();
  });

  afterAll(() => controlPlane?.stop());

  /** Lines of a watch from now on, until it ends. */
  const watch = async (signal = forever()): Promise<{ lines: WatchLine<Resource>[]; done: Promise<void> }> => {
    const { metadata } = await controlPlane.client.get<Resource>(CONFIG_MAPS);
    const lines: WatchLine<Resource>[] = [];
    const done = (async () => {
      const query = { resourceVersion: metadata.resourceVersion };
      for await (const line of client.watch(CONFIG_MAPS, query, signal)) lines.push(line);
    })();
    done.catch(() => {}); // each test looks at it later
    return { lines, done };
  };

  it('passes everything on when it has no rules, with the client’s own rights', async () => {
    await client.create(CONFIG_MAPS, configMap(name));
    await client.patch(path, { data: { a: '1' } });
    expect(await client.get(path)).toMatchObject({ data: { a: '1' } });
    await client.delete(path);
    expect(await client.find(path)).toBeUndefined();

    const account = { namespace: 'default', name: 'nobody' };
    const other = await KubeClient.of(await proxy.kubeconfigFor(await controlPlane.kubeconfigFor(account)));
    await expect(other.get(CONFIG_MAPS)).rejects.toMatchObject({ status: 403 });
    other.close();
  });

  it('counts connections, and requests by verb', async () => {
    await client.list(CONFIG_MAPS);
    await client.create(CONFIG_MAPS, configMap(name));
    await client.get(path);
    await client.get(path);
    await client.get('/version');
    expect(proxy.countByVerb('configmaps')).toEqual({ list: 1, create: 1, get: 2 });
    expect(proxy.countByVerb()).toEqual({ list: 1, create: 1, get: 3 });
    expect(proxy.connections).toBe(1);
    expect(proxy.requests[1]).toMatchObject({ verb: 'create', resource: 'configmaps', namespace: 'default' });
  });

  it('answers in the API server’s place as often as told, and never asks it', async () => {
    const fault = { kind: 'answer', status: 429, retryAfterSeconds: 7 } as const;
    const rule = proxy.on({ verb: ['create', 'patch'], resource: 'configmaps' }, fault, { times: 2 });
    await expect(client.create(CONFIG_MAPS, configMap(name))).rejects.toMatchObject({
      status: 429,
      reason: 'TooManyRequests',
    });
    await client.list(CONFIG_MAPS);
    await expect(client.patch(path, {})).rejects.toMatchObject({ status: 429 });
    expect(rule.hits).toBe(2);
    expect(await controlPlane.client.find(path)).toBeUndefined();
    await client.create(CONFIG_MAPS, configMap(name));
  });

  it('spares the first requests when told so, and goes by the path', async () => {
    proxy.on({ path: /configmaps\?limit=1/ }, { kind: 'answer', status: 500 }, { skip: 1 });
    await client.get(CONFIG_MAPS);
    await client.get(`${CONFIG_MAPS}?limit=1`);
    await expect(client.get(`${CONFIG_MAPS}?limit=1`)).rejects.toMatchObject({ status: 500, reason: 'InternalError' });
    await client.get(`${CONFIG_MAPS}?limit=1`);
  });

  it('breaks the connection before a request: nothing was done', async () => {
    proxy.on({ verb: 'create' }, { kind: 'drop-request' });
    await expect(client.create(CONFIG_MAPS, configMap(name))).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(await controlPlane.client.find(path)).toBeUndefined();
  });

  it('breaks the connection after a request: it was done, and the client cannot know', async () => {
    proxy.on({ verb: 'create' }, { kind: 'drop-answer' });
    await expect(client.create(CONFIG_MAPS, configMap(name))).rejects.toThrow(/socket hang up|ECONNRESET/);
    expect(await controlPlane.client.find(path)).toBeDefined();
  });

  it('breaks the connection within an answer', async () => {
    await controlPlane.client.create(CONFIG_MAPS, configMap(name));
    proxy.on({ verb: 'get' }, { kind: 'cut-answer', afterBytes: 10 });
    await expect(client.get(path)).rejects.toThrow(/aborted|ECONNRESET|JSON/);
    expect(await client.get(path)).toMatchObject({ metadata: { name } });
  });

  it('cuts a watch after so many events', async () => {
    proxy.on({ verb: 'watch' }, { kind: 'cut-watch', afterEvents: 2 });
    const { lines, done } = await watch();
    await until('the watch is there', () => proxy.countByVerb().watch === 1);
    for (const suffix of ['a', 'b', 'c']) await controlPlane.client.create(CONFIG_MAPS, configMap(`${name}-${suffix}`));
    await expect(done).rejects.toThrow(/aborted|ECONNRESET/);
    expect(lines.map((it) => it.object.metadata.name)).toEqual([`${name}-a`, `${name}-b`]);
  });

  it('ends a watch as the API server does, without an error', async () => {
    proxy.on({ verb: 'watch' }, { kind: 'end-watch', afterEvents: 1 });
    const { lines, done } = await watch();
    await until('the watch is there', () => proxy.countByVerb().watch === 1);
    await controlPlane.client.create(CONFIG_MAPS, configMap(name));
    await done;
    expect(lines).toMatchObject([{ type: 'ADDED', object: { metadata: { name } } }]);
  });

  it('says 410 within a watch, or in its place', async () => {
    proxy.on({ verb: 'watch' }, { kind: 'expire-watch' });
    const { lines, done } = await watch();
    await done;
    expect(lines).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
    proxy.on({ verb: 'watch' }, { kind: 'answer', status: 410 });
    await expect((await watch()).done).rejects.toMatchObject({ status: 410, reason: 'Expired' });
  });

  it('passes a watch on while nothing happens, and lets the client end it', async () => {
    const stop = new AbortController();
    const { lines, done } = await watch(stop.signal);
    await until('the watch is there', () => proxy.countByVerb().watch === 1);
    await controlPlane.client.create(CONFIG_MAPS, configMap(name));
    await until('the event is there', () => lines.length === 1);
    stop.abort();
    await done;
    await until('the connection is closed', () => proxy.openConnections === 0);
  });

  it('holds a request until it is released, and others not', async () => {
    const rule = proxy.on({ verb: 'create' }, { kind: 'hold' });
    const created = client.create(CONFIG_MAPS, configMap(name));
    await until('it is held', () => rule.held === 1);
    expect(await client.find(path)).toBeUndefined();
    rule.release();
    await created;
    expect(await client.find(path)).toBeDefined();
  });

  it('delays a request, and passes it on', async () => {
    await controlPlane.client.create(CONFIG_MAPS, configMap(name));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      proxy.on({ verb: 'list' }, { kind: 'delay', ms: 5_000 });
      let isThere = false;
      const slow = client.list(CONFIG_MAPS).then(() => {
        isThere = true;
      });
      while (vi.getTimerCount() === 0) await new Promise((resolve) => setImmediate(resolve));
      vi.advanceTimersByTime(4_999);
      expect(await client.get(path)).toMatchObject({ metadata: { name } });
      expect(isThere).toBe(false);
      vi.advanceTimersByTime(1);
      await slow;
    } finally {
      vi.useRealTimers();
    }
  });

  it('breaks all connections at once', async () => {
    const { done } = await watch();
    await until('the watch is there', () => proxy.openConnections === 1);
    proxy.breakConnections();
    await expect(done).rejects.toThrow(/aborted|ECONNRESET|socket hang up/);
    await client.list(CONFIG_MAPS);
    expect(proxy.connections).toBe(2);
  });

  it('has no rules left when it is cleared, and lets go what it holds', async () => {
    proxy.on({ verb: 'get' }, { kind: 'hold' });
    proxy.on({ verb: 'list' }, { kind: 'answer', status: 500 }, { times: 100 });
    const held = client.find(path);
    await until('it is held', () => proxy.countByVerb().get === 1);
    proxy.clear();
    expect(await held).toBeUndefined();
    await client.list(CONFIG_MAPS);
  });

  it('refuses client certificates, which would end at it', async () => {
    const kubeconfig = await controlPlane.certificateKubeconfigFor({ user: 'anna' });
    await expect(proxy.kubeconfigFor(kubeconfig)).rejects.toThrow(/client certificate/);
  });
});
