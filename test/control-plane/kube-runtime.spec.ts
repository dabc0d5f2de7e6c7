import {
  type CoreEvent,
  CoreEvents,
  EventRecorder,
  Events,
  fenced,
  HttpKubeApi,
  type KubeApi,
  kubeConfigAccess,
  LeaderElector,
  type Leadership,
  Leases,
  type Node,
  Nodes,
  StatusWriter,
  systemClock,
} from '@mediajob/kube';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/until.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const environment = { clock: systemClock, random: Math.random, log };
const SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

let controlPlane: ControlPlane;
let api: HttpKubeApi;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllers: false });
  const access = await kubeConfigAccess({ file: controlPlane.kubeconfig, clock: systemClock, log });
  api = new HttpKubeApi({ access, environment, userAgent: 'kube-runtime-test' });
});
afterAll(async () => {
  await api?.close();
  await controlPlane?.stop();
});

async function aNode(name: string): Promise<Node> {
  return api.create(Nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
}

describe('an election on a real API server', () => {
  function aCandidate(namespace: string, identity: string) {
    const elector = new LeaderElector({
      api,
      environment,
      lease: { namespace, name: 'operator' },
      identity,
      annotations: { 'example.com/address': `${identity}:8443` },
      retryPeriodMs: 200,
    });
    const stop = new AbortController();
    const state = { leadership: undefined as Leadership | undefined, finish: () => {} };
    const running = elector.run(
      stop.signal,
      (leadership) =>
        new Promise((resolve) => {
          state.leadership = leadership;
          state.finish = resolve;
        }),
    );
    return { elector, stop, state, running };
  }

  it('has one leader, whom the others know, until it hands over', async () => {
    const namespace = await controlPlane.namespace('election');
    const lease = { namespace, name: 'operator' };
    const first = aCandidate(namespace, 'first');
    await until('the first leads', () => first.state.leadership?.holds());
    const second = aCandidate(namespace, 'second');
    await until('the second knows the first', () => second.elector.holder?.identity === 'first');
    expect(second.elector.holder?.annotations).toMatchObject({ 'example.com/address': 'first:8443' });
    expect((await api.get(Leases, lease)).spec).toEqual({
      holderIdentity: 'first',
      leaseDurationSeconds: 15,
      leaseTransitions: 0,
      acquireTime: expect.stringMatching(SECONDS),
      renewTime: expect.stringMatching(SECONDS),
    });
    expect(second.state.leadership).toBeUndefined();

    const writing = fenced(api, first.state.leadership as Leadership);
    first.state.finish();
    expect(await first.running).toBe('stopped');
    await expect(
      writing.patch(Leases, lease, { type: 'merge', body: { metadata: { labels: { late: 'yes' } } } }),
    ).rejects.toMatchObject({ reason: 'Aborted' });
    await until('the second leads', () => second.state.leadership?.holds());
    expect(await api.get(Leases, lease)).toMatchObject({
      metadata: { annotations: { 'example.com/address': 'second:8443' } },
      spec: { holderIdentity: 'second', leaseTransitions: 1 },
    });
    second.stop.abort();
    second.state.finish();
    expect(await second.running).toBe('stopped');
    expect((await api.get(Leases, lease)).spec?.holderIdentity).toBe('');
  });

  it('is won by one of several that begin at once', async () => {
    const namespace = await controlPlane.namespace('race');
    const all = ['a', 'b', 'c', 'd', 'e'].map((it) => aCandidate(namespace, it));
    const leaders = () => all.filter((it) => it.state.leadership !== undefined);
    await until('all know who leads', () => all.every((it) => it.elector.holder !== undefined));
    expect(leaders()).toHaveLength(1);
    for (const it of all) {
      it.stop.abort();
      it.state.finish();
    }
    await Promise.all(all.map((it) => it.running));
  });
});

describe('events on a real API server', () => {
  const recorder = (writing: KubeApi = api) =>
    new EventRecorder({
      api: writing,
      environment,
      reportingController: 'example.com/controller',
      reportingInstance: 'pod-1',
    });
  const eventsOf = async (namespace: string): Promise<readonly CoreEvent[]> =>
    (await api.list(CoreEvents, { namespace })).items;

  it('are taken as they are, counted, and shown by kubectl', async () => {
    const namespace = await controlPlane.namespace('events');
    const lease = await api.create(Leases, {
      apiVersion: Leases.apiVersion,
      kind: Leases.kind,
      metadata: { namespace, name: 'thing' },
    });
    const events = recorder();
    const draft = { regarding: lease, type: 'Warning', reason: 'Failed', action: 'Reconcile' } as const;
    events.record({ ...draft, note: 'It failed.' });
    await until('it is written', async () => (await eventsOf(namespace)).length === 1);
    for (let i = 0; i < 4; i++) events.record({ ...draft, note: 'It failed.' });
    events.record({ ...draft, related: lease, reason: 'Long', note: 'é'.repeat(5000) });
    await events.close(30_000);
    const written = await eventsOf(namespace);
    expect(written.map((it) => [it.reason, it.series?.count])).toEqual(
      expect.arrayContaining([
        ['Failed', 5],
        ['Long', undefined],
      ]),
    );
    const text = await controlPlane.kubectl(['events', '-n', namespace, '--for', 'lease/thing']);
    expect(text).toMatch(/Warning\s+Failed\s+Lease\/thing\s+It failed\./);
  });

  it('of objects of the whole cluster are in the namespace default', async () => {
    await controlPlane.namespace('default').catch(() => {});
    const events = recorder();
    events.record({
      regarding: await aNode('told'),
      type: 'Normal',
      reason: 'Seen',
      action: 'Look',
      note: 'There it is.',
    });
    await events.close(30_000);
    const all = await api.list(Events, { namespace: 'default' });
    expect(all.items.filter((it) => it.regarding?.name === 'told')).toHaveLength(1);
  });
});

describe('a writer of a status on a real API server', () => {
  it('writes its part, leaves alone that of others, and writes nothing twice', async () => {
    const node = await aNode('written');
    const condition = (type: string, reason: string) => ({
      type,
      status: 'True',
      reason,
      message: 'because',
      lastHeartbeatTime: '2026-01-01T00:00:00Z',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const writer = (type: string) =>
      new StatusWriter<Node>({
        api,
        kind: Nodes,
        fieldManager: `writer-of-${type}`,
        own: (status) => ({
          conditions: (status.conditions ?? []).filter((it) => it.type === type),
        }),
        listKeys: { 'status.conditions': ['type'] },
      });
    const one = await writer('One').apply(node, { conditions: [condition('One', 'First')] });
    const two = await writer('Two').apply(one.object, { conditions: [condition('Two', 'First')] });
    expect([one.written, two.written]).toEqual([true, true]);
    const again = await writer('One').apply(two.object, { conditions: [condition('One', 'First')] });
    expect(again).toEqual({ object: two.object, written: false });
    const changed = await writer('One').apply(two.object, { conditions: [condition('One', 'Second')] });
    expect(changed.object.status?.conditions?.map((it) => `${it.type} ${it.reason}`).sort()).toEqual([
      'One Second',
      'Two First',
    ]);
    const gone = await writer('One').apply(changed.object, { conditions: [] });
    expect(gone.object.status?.conditions?.map((it) => it.type)).toEqual(['Two']);

    await api.delete(Nodes, { name: 'written' }, { propagationPolicy: 'Background' });
    await aNode('written');
    await expect(writer('One').apply(node, { conditions: [condition('One', 'Late')] })).rejects.toMatchObject({
      reason: 'Conflict',
    });
  });
});
