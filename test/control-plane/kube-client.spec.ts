import { connect, createServer, type Socket } from 'node:net';
import {
  ConfigMaps,
  CoreEvents,
  CustomResourceDefinitions,
  Events,
  HttpKubeApi,
  Informer,
  isAlreadyExists,
  isConflict,
  isExpired,
  isForbidden,
  isInvalid,
  isNewer,
  isNotFound,
  Jobs,
  type Kind,
  type KubeApiError,
  type KubeObject,
  kind,
  kubeConfigAccess,
  listAll,
  Namespaces,
  type ServerAccess,
  systemClock,
  TOKEN_REVIEWS,
  type TokenReview,
  type WatchEvent,
} from '@mediajob/kube';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import { until } from '../cluster/until.ts';

interface Widget extends KubeObject {
  readonly spec: { readonly size?: number; readonly colour?: string };
  readonly status?: { readonly seen?: number };
}

const Widgets: Kind<Widget> = kind({
  group: 'test.mediajob.io',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
});

const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.mediajob.io' },
  spec: {
    group: Widgets.group,
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { size: { type: 'integer', maximum: 9 }, colour: { type: 'string' } },
              },
              status: { type: 'object', properties: { seen: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const environment = { clock: systemClock, random: Math.random, log: quiet };

const aConfigMap = (namespace: string, name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});
const aWidget = (namespace: string, name: string, spec: Widget['spec']) => ({
  apiVersion: Widgets.apiVersion,
  kind: Widgets.kind,
  metadata: { namespace, name },
  spec,
});

async function failureOf(promise: Promise<unknown>): Promise<KubeApiError> {
  try {
    await promise;
  } catch (error) {
    return error as KubeApiError;
  }
  throw new Error('it did not fail');
}

let controlPlane: ControlPlane;
let api: HttpKubeApi;
let namespaces = 0;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  // Without its cache, what etcd has forgotten is forgotten.
  controlPlane = await startControlPlane({ definitions: [widgets], watchCache: false });
  api = await aClient(controlPlane.kubeconfig);
});
afterAll(async () => {
  await api?.close();
  await controlPlane?.stop();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function aClient(file: string): Promise<HttpKubeApi> {
  const access = await kubeConfigAccess({ file, clock: systemClock, log: quiet });
  return new HttpKubeApi({ access, environment, userAgent: 'kube-client-test' });
}

async function aNamespace(): Promise<string> {
  const name = `n${++namespaces}`;
  await api.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

/** Ends with the test. */
function running<T extends KubeObject>(informer: Informer<T>): Informer<T> {
  const stop = new AbortController();
  const run = informer.run(stop.signal);
  ends.push(async () => {
    stop.abort();
    await run;
  });
  return informer;
}

describe('the client', () => {
  it('creates, reads, replaces, patches and deletes a built-in kind, and names each refusal', async () => {
    const namespace = await aNamespace();
    const ref = { namespace, name: 'a' };
    const made = await api.create(ConfigMaps, aConfigMap(namespace, 'a', { k: '1' }));
    expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { k: '1' } });
    expect(await api.get(ConfigMaps, ref)).toEqual(made);
    expect(isAlreadyExists(await failureOf(api.create(ConfigMaps, aConfigMap(namespace, 'a'))))).toBe(true);

    const replaced = await api.replace(ConfigMaps, { ...made, data: { k: '2' } });
    expect(replaced.data).toEqual({ k: '2' });
    const stale = await failureOf(api.replace(ConfigMaps, { ...made, data: { k: '3' } }));
    expect([isConflict(stale), stale.status, stale.details?.kind]).toEqual([true, 409, 'configmaps']);

    await api.patch(ConfigMaps, ref, { type: 'merge', body: { data: { k: null, m: '1' } } });
    await api.patch(ConfigMaps, ref, { type: 'strategic', body: { metadata: { labels: { s: '1' } } } });
    const patched = await api.patch(ConfigMaps, ref, {
      type: 'json',
      body: [{ op: 'add', path: '/data/j', value: '1' }],
    });
    expect([patched.data, patched.metadata.labels]).toEqual([{ m: '1', j: '1' }, { s: '1' }]);

    const another = { propagationPolicy: 'Background', preconditions: { uid: 'of-another' } } as const;
    expect(isConflict(await failureOf(api.delete(ConfigMaps, ref, another)))).toBe(true);
    await api.delete(ConfigMaps, ref, { propagationPolicy: 'Background', preconditions: { uid: made.metadata.uid } });
    const gone = await failureOf(api.get(ConfigMaps, ref));
    expect([isNotFound(gone), gone.message]).toEqual([
      true,
      `GET /api/v1/namespaces/${namespace}/configmaps/a was answered with 404 NotFound: configmaps "a" not found`,
    ]);
  });

  it('writes spec and status of a custom kind, and tells what the schema refuses', async () => {
    const namespace = await aNamespace();
    const invalid = await failureOf(api.create(Widgets, aWidget(namespace, 'a', { size: 10 })));
    expect([isInvalid(invalid), invalid.details?.causes?.[0]?.field]).toEqual([true, 'spec.size']);

    const made = await api.create(Widgets, aWidget(namespace, 'a', { size: 3 }));
    const seen = await api.replace(
      Widgets,
      { ...made, spec: { size: 4 }, status: { seen: 1 } },
      { subresource: 'status' },
    );
    expect([seen.spec, seen.status, seen.metadata.generation]).toEqual([{ size: 3 }, { seen: 1 }, 1]);
    const patched = await api.patch(
      Widgets,
      made.metadata,
      { type: 'merge', body: { status: { seen: 2 } } },
      { subresource: 'status' },
    );
    expect(patched.status).toEqual({ seen: 2 });
  });

  it('applies: each manager its own fields, a conflict for those of another, and force', async () => {
    const namespace = await aNamespace();
    const apply = (spec: Widget['spec'], fieldManager: string, force?: boolean) =>
      api.apply(Widgets, aWidget(namespace, 'a', spec), { fieldManager, ...(force === undefined ? {} : { force }) });
    await apply({ size: 1 }, 'one');
    expect((await apply({ colour: 'red' }, 'two')).spec).toEqual({ size: 1, colour: 'red' });

    const conflict = await failureOf(apply({ size: 2 }, 'two'));
    expect([isConflict(conflict), conflict.details?.causes?.[0]]).toEqual([
      true,
      { reason: 'FieldManagerConflict', message: expect.stringContaining('"one"'), field: '.spec.size' },
    ]);
    expect((await apply({ size: 2 }, 'two', true)).spec).toEqual({ size: 2 });

    const status = { ...aWidget(namespace, 'a', {}), status: { seen: 7 } };
    const seen = await api.apply(Widgets, status, { fieldManager: 'three', subresource: 'status' });
    expect([seen.spec, seen.status]).toEqual([{ size: 2 }, { seen: 7 }]);
    const { metadata } = await apply({ size: 2 }, 'two', true);
    expect(metadata.resourceVersion).toBe(seen.metadata.resourceVersion);
  });

  it('deletes a Job with its pods in the background', async () => {
    const namespace = await aNamespace();
    const spec = {
      suspend: true,
      template: { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'c', image: 'i' }] } },
    };
    const job = await api.create(Jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { namespace, name: 'j' },
      spec,
    });
    await api.delete(Jobs, job.metadata, { propagationPolicy: 'Background', gracePeriodSeconds: 0 });
    await until('the Job is gone', async () => (await api.list(Jobs, { namespace })).items.length === 0);
  });

  it('asks questions that are not stored, and is told what it may not', async () => {
    const namespace = await aNamespace();
    const account = { namespace, name: 'reader' };
    const file = await controlPlane.kubeconfigFor(account);
    const reader = await aClient(file);
    ends.push(() => reader.close());
    expect(isForbidden(await failureOf(reader.list(ConfigMaps, { namespace })))).toBe(true);

    const token = await controlPlane.token(account, { audiences: ['ours'] });
    const review = (audience: string) =>
      api.post<TokenReview>(TOKEN_REVIEWS, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [audience] },
      });
    expect((await review('ours')).status).toMatchObject({
      authenticated: true,
      audiences: ['ours'],
      user: { username: `system:serviceaccount:${namespace}:reader` },
    });
    expect((await review('another')).status?.authenticated).not.toBe(true);
  });

  it('lists page by page as of one moment, also for a kind of the whole cluster, and again when that is forgotten', async () => {
    const namespace = await aNamespace();
    const names = Array.from({ length: 12 }, (_, i) => `c${String(i).padStart(2, '0')}`);
    for (const name of names) await api.create(ConfigMaps, aConfigMap(namespace, name));
    const selection = { namespace, fieldSelector: 'metadata.name!=kube-root-ca.crt' };

    const first = await api.list(ConfigMaps, { ...selection, limit: 5 });
    expect(first.items.map((it) => [it.apiVersion, it.kind])).toEqual(Array(5).fill(['v1', 'ConfigMap']));
    await api.delete(ConfigMaps, { namespace, name: 'c11' }, { propagationPolicy: 'Background' });
    const second = await api.list(ConfigMaps, { ...selection, limit: 500, continue: first.continue ?? '' });
    expect([...first.items, ...second.items].map((it) => it.metadata.name)).toEqual(names);

    await api.create(ConfigMaps, aConfigMap(namespace, 'c11'));
    await controlPlane.compact();
    const late = api.list(ConfigMaps, { ...selection, limit: 5, continue: first.continue ?? '' });
    expect(isExpired(await failureOf(late))).toBe(true);

    let pages = 0;
    const compacting = {
      list: async <T extends KubeObject>(...[listed, options]: Parameters<typeof api.list<T>>) => {
        const page = await api.list<T>(listed, options);
        if (++pages !== 1) return page;
        await api.create(ConfigMaps, aConfigMap(namespace, 'more'));
        await controlPlane.compact();
        return page;
      },
    };
    const whole = await listAll(compacting, ConfigMaps, { ...selection, pageSize: 5 });
    expect(whole.items.map((it) => it.metadata.name)).toEqual([...names, 'more']);

    const { items } = await listAll(api, CustomResourceDefinitions, { pageSize: 1 });
    expect(items.map((it) => it.metadata.name)).toContain('widgets.test.mediajob.io');
  });
});

describe('a watch of the API server', () => {
  it('brings what happens, and goes on from where it was', async () => {
    const namespace = await aNamespace();
    const made = await api.create(Widgets, aWidget(namespace, 'a', { size: 1 }));
    const stop = new AbortController();
    const from = (resourceVersion: string) => api.watch(Widgets, { namespace, resourceVersion, signal: stop.signal });
    const watch = from(made.metadata.resourceVersion);
    const next = watch.next();
    const changed = await api.apply(Widgets, aWidget(namespace, 'a', { size: 2 }), { fieldManager: 'm', force: true });
    expect((await next).value).toEqual({ type: 'MODIFIED', object: changed });
    await api.delete(Widgets, made.metadata, { propagationPolicy: 'Background' });
    const deleted = (await watch.next()).value as WatchEvent<Widget> & { type: 'DELETED' };
    expect(deleted.type).toBe('DELETED');
    expect(Number(deleted.object.metadata.resourceVersion)).toBeGreaterThan(Number(changed.metadata.resourceVersion));

    const again = from(made.metadata.resourceVersion);
    const types = [(await again.next()).value?.type, (await again.next()).value?.type];
    expect(types).toEqual(['MODIFIED', 'DELETED']);
    const ended = [watch, again].map((it) => failureOf(it.next()));
    stop.abort();
    expect((await Promise.all(ended)).map((it) => it.reason)).toEqual(['Aborted', 'Aborted']);
  });

  it('ends by itself after its time', async () => {
    const namespace = await aNamespace();
    const { resourceVersion } = await api.list(Widgets, { namespace });
    const { signal } = new AbortController();
    const watch = api.watch(Widgets, { namespace, resourceVersion, timeoutSeconds: 1, signal });
    let last: IteratorResult<WatchEvent<Widget>, void>;
    do last = await watch.next();
    while (last.done !== true);
    expect(last.value).toBeUndefined();
  });

  it('from a version that is forgotten is 410', async () => {
    const namespace = await aNamespace();
    const { metadata } = await api.create(Widgets, aWidget(namespace, 'a', { size: 1 }));
    // What etcd keeps is the last write; a watch from the one before needs that only.
    for (const name of ['b', 'c']) await api.create(Widgets, aWidget(namespace, name, { size: 1 }));
    await controlPlane.compact();
    const { signal } = new AbortController();
    const watch = api.watch(Widgets, { namespace, resourceVersion: metadata.resourceVersion, signal });
    expect(isExpired(await failureOf(watch.next()))).toBe(true);
  });
});

describe('a watch of an API server with its cache', () => {
  it('is told by bookmarks how far it is, though nothing that it looks for happens', async () => {
    const cached = await startControlPlane({ controllers: false });
    ends.push(() => cached.stop());
    const client = await aClient(cached.kubeconfig);
    ends.push(() => client.close());
    const { metadata } = await client.create(ConfigMaps, aConfigMap('default', 'a'));
    const { signal } = new AbortController();
    const seen: WatchEvent<KubeObject>[] = [];
    let others = 0;
    // It tells so shortly before it ends a watch, and may leave it out.
    while (seen.length === 0) {
      const { resourceVersion } = metadata;
      const watch = client.watch(ConfigMaps, { resourceVersion, labelSelector: 'wanted', timeoutSeconds: 8, signal });
      const first = watch.next();
      await client.create(ConfigMaps, aConfigMap('default', `other-${++others}`));
      for (let next = await first; next.done !== true; next = await watch.next()) seen.push(next.value);
    }
    const [told] = seen;
    expect(told?.type).toBe('BOOKMARK');
    expect(isNewer(told?.type === 'BOOKMARK' ? told.resourceVersion : '', metadata.resourceVersion)).toBe(true);

    // Events are not in that cache: of them it says nothing but that the time is over, which is why their kind says so.
    expect([CoreEvents, Events].map(({ bookmarks }) => bookmarks)).toEqual([false, false]);
    const { resourceVersion } = metadata;
    const silent = client.watch(CoreEvents, {
      resourceVersion,
      fieldSelector: 'reason=none',
      timeoutSeconds: 8,
      signal,
    });
    const untold: WatchEvent<KubeObject>[] = [];
    for await (const event of silent) untold.push(event);
    expect(untold).toEqual([]);
  });
});

describe('informers of the API server', () => {
  it('follow two kinds through cuts, 410s, refusals and an outage, with few connections', async () => {
    const namespace = await aNamespace();
    const proxy = await FaultProxy.start(controlPlane);
    ends.push(() => proxy.stop());
    const through = await aClient(await proxy.kubeconfigFor());
    ends.push(() => through.close());
    const hurried = {
      ...environment,
      clock: {
        ...systemClock,
        after: (ms: number, call: () => void) => systemClock.after(Math.min(ms, 20_000) / 20, call),
      },
    };
    const make = <T extends KubeObject>(of: Kind<T>) =>
      running(new Informer<T>({ api: through, kind: of, environment: hurried, namespaces: [namespace], pageSize: 2 }));
    const [maps, things] = [make(ConfigMaps), make(Widgets)];
    await Promise.all([maps.synced, things.synced]);

    const write = async (round: number) => {
      for (const name of ['a', 'b', 'c']) {
        await api.apply(ConfigMaps, aConfigMap(namespace, name, { round: `${round}` }), { fieldManager: 'm' });
        await api.apply(Widgets, aWidget(namespace, name, { size: round % 10 }), { fieldManager: 'm' });
      }
      await api.delete(Widgets, { namespace, name: 'b' }, { propagationPolicy: 'Background' });
    };
    const versions = (objects: readonly KubeObject[]) =>
      objects.map((it) => `${it.metadata.name}@${it.metadata.resourceVersion}`).sort();
    const agree = async () => {
      for (const [of, informer] of [
        [ConfigMaps, maps],
        [Widgets, things],
      ] as const) {
        await until(`the informer of ${of.plural} agrees with the API server`, async () => {
          const { items } = await listAll<KubeObject>(api, of as Kind<KubeObject>, { namespace });
          return versions(items).join() === versions(informer.store.list()).join();
        });
      }
    };

    await write(1);
    await agree();
    proxy.on({ verb: 'watch' }, { kind: 'cut-watch', afterEvents: 2 }, { times: 4 });
    proxy.breakConnections();
    await write(2);
    await agree();
    proxy.on({ verb: 'watch' }, { kind: 'expire-watch' }, { times: 2 });
    proxy.on({ verb: 'list' }, { kind: 'answer', status: 500 }, { times: 3 });
    proxy.on({ verb: 'list' }, { kind: 'answer', status: 429, retryAfterSeconds: 1 }, { times: 1 });
    proxy.breakConnections();
    await write(3);
    await agree();
    proxy.on({ verb: 'watch' }, { kind: 'answer', status: 503 }, { times: 2 });
    proxy.on({ verb: 'watch' }, { kind: 'end-watch', afterEvents: 1 }, { times: 2 });
    proxy.breakConnections();
    await controlPlane.compact();
    await write(4);
    await agree();

    await controlPlane.crash('kube-apiserver');
    await controlPlane.startApiServer();
    await write(5);
    await agree();
    // A watch of HTTP/1.1 has a connection of its own; every cut costs at most one for each.
    expect(proxy.openConnections).toBeLessThanOrEqual(4);
  });

  it('read at once what was written, before the watch tells it', async () => {
    const namespace = await aNamespace();
    const things = running(new Informer<Widget>({ api, kind: Widgets, environment, namespaces: [namespace] }));
    await things.synced;
    const told: string[] = [];
    things.subscribe(({ type, object }) => told.push(`${type} ${object.metadata.resourceVersion}`));
    const versions: string[] = [];
    for (let size = 1; size <= 5; size++) {
      const written = await api.apply(Widgets, aWidget(namespace, 'a', { size }), { fieldManager: 'm' });
      things.put(written);
      expect(things.store.get(`${namespace}/a`)?.metadata.resourceVersion).toBe(written.metadata.resourceVersion);
      versions.push(written.metadata.resourceVersion);
    }
    await api.delete(Widgets, { namespace, name: 'a' }, { propagationPolicy: 'Background' });
    await until('the deletion is seen', () => things.store.size === 0);
    expect(told.slice(0, 5)).toEqual(versions.map((it, i) => `${i === 0 ? 'added' : 'updated'} ${it}`));
    expect(told.length).toBe(6);
  });
});

describe('the connections to the API server', () => {
  it('are at most 3 for 1,000 calls and 10 watches', async () => {
    const namespace = await aNamespace();
    const counted = await aCountingRelay(new URL(controlPlane.url));
    const direct = await kubeConfigAccess({ file: controlPlane.kubeconfig, clock: systemClock, log: quiet });
    const access: ServerAccess = {
      namespace: undefined,
      renew: () => direct.renew(),
      current: async () => ({ ...(await direct.current()), server: new URL(`https://127.0.0.1:${counted.port}`) }),
    };
    const client = new HttpKubeApi({ access, environment });
    ends.push(() => client.close());
    const made = await client.create(Widgets, aWidget(namespace, 'a', { size: 1 }));
    const stop = new AbortController();
    const { resourceVersion } = made.metadata;
    const watches = Array.from({ length: 10 }, () =>
      client.watch(Widgets, { namespace, resourceVersion, signal: stop.signal }),
    );
    const first = Promise.all(watches.map((it) => it.next()));
    await Promise.all(Array.from({ length: 500 }, () => client.get(Widgets, made.metadata)));
    for (let i = 0; i < 499; i++) await client.get(Widgets, made.metadata);
    await client.patch(Widgets, made.metadata, { type: 'merge', body: { spec: { size: 2 } } });
    expect((await first).map((it) => it.value?.type)).toEqual(Array(10).fill('MODIFIED'));
    expect(counted.connections).toBeLessThanOrEqual(3);
    const ended = Promise.all(watches.map((it) => failureOf(it.next())));
    stop.abort();
    await ended;
  });

  it('do not keep a call waiting for a server that hangs, and serve again when it goes on', async () => {
    const namespace = await aNamespace();
    const client = await aClient(controlPlane.kubeconfig);
    ends.push(() => client.close());
    await client.create(ConfigMaps, aConfigMap(namespace, 'a'));
    const touch = () =>
      client.patch(ConfigMaps, { namespace, name: 'a' }, { type: 'merge', body: {} }, { timeoutMs: 500 });
    controlPlane.freeze('kube-apiserver');
    try {
      // The signal takes a moment to stop all its threads.
      const hung = await until('a call gets no answer', () =>
        touch().then(
          () => undefined,
          (error: KubeApiError) => error,
        ),
      );
      expect([hung.status, hung.reason]).toEqual([0, 'Timeout']);
    } finally {
      controlPlane.thaw('kube-apiserver');
    }
    await until('the server answers again', () =>
      client.list(ConfigMaps, { namespace }).then(
        () => true,
        () => false,
      ),
    );
  });
});

/** Passes bytes on and counts connections: TLS is made through it. */
async function aCountingRelay(to: URL) {
  const relay = { connections: 0, port: 0 };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    relay.connections++;
    const upstream = connect(Number(to.port), to.hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  relay.port = (server.address() as { port: number }).port;
  return relay;
}
