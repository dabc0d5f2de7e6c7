import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ManualClock, settled } from '../test/manual-clock.js';
import { anObject } from '../test/manual-source.js';
import { metricValue } from '../test/metric-value.js';
import { RecordedLog } from '../test/recorded-log.js';
import { aList, expired, ScriptedApi } from '../test/scripted-api.js';
import { KubeApiError } from './error.js';
import { Informer, type InformerOptions } from './informer.js';
import { Informers } from './informers.js';
import type { Kind } from './kind.js';
import { ConfigMaps, Nodes, Pods } from './kinds.js';
import type { KubeObject } from './object.js';
import type { Change } from './source.js';

const at = (resourceVersion: string, key = 'x/a') => anObject(key, { resourceVersion });
const forbidden = () => new KubeApiError('forbidden', { status: 403, reason: 'Forbidden' });

function aRecorder() {
  const told: string[] = [];
  const handler = ({ type, object, previous, initial }: Change<KubeObject>) => {
    const was = previous === undefined ? '' : ` was @${previous.metadata.resourceVersion}`;
    told.push(
      `${initial === true ? 'initial ' : ''}${type} ${object.metadata.name}@${object.metadata.resourceVersion}${was}`,
    );
  };
  return { told, handler };
}

function anInformer(options: Partial<InformerOptions<KubeObject>> = {}) {
  const api = new ScriptedApi();
  const clock = new ManualClock();
  const log = new RecordedLog();
  const registry = new Registry();
  const stop = new AbortController();
  const informer = new Informer<KubeObject>({
    api,
    kind: ConfigMaps as Kind<KubeObject>,
    environment: { clock, random: () => 0, log },
    registry,
    ...options,
  });
  const run = () => informer.run(stop.signal);
  return { api, clock, log, registry, stop, informer, run };
}

describe('an informer', () => {
  it('tells what was there as initial, then what changes', async () => {
    const { api, stop, informer, run } = anInformer();
    const { told, handler } = aRecorder();
    informer.subscribe(handler);
    api.pages.push(aList('7', at('3'), at('4', 'x/b')));
    const ended = run();
    await informer.synced;
    await settled();
    api.watching.push('MODIFIED', at('8'));
    api.watching.push('DELETED', at('9', 'x/b'));
    api.watching.push('ADDED', at('10', 'x/c'));
    await settled();
    expect(told).toEqual(['initial added a@3', 'initial added b@4', 'updated a@8 was @3', 'deleted b@9', 'added c@10']);
    expect(informer.store.list().map((it) => it.metadata.name)).toEqual(['a', 'c']);
    stop.abort();
    await ended;
  });

  it('tells a late subscriber of all there is, and one that has left nothing', async () => {
    const { api, stop, informer, run } = anInformer();
    api.pages.push(aList('7', at('3')));
    const ended = run();
    await settled();
    const early = aRecorder();
    const late = aRecorder();
    const leave = informer.subscribe(early.handler);
    leave();
    api.watching.push('MODIFIED', at('8'));
    await settled();
    informer.subscribe(late.handler);
    expect([early.told, late.told]).toEqual([['initial added a@3'], ['initial added a@8']]);
    stop.abort();
    await ended;
  });

  it('tells the difference after a new list, which is not initial', async () => {
    const { api, clock, stop, informer, run } = anInformer();
    const { told, handler } = aRecorder();
    api.pages.push(aList('7', at('3'), at('4', 'x/b')), aList('20', at('12'), at('13', 'x/c')));
    const ended = run();
    await settled();
    informer.subscribe(handler);
    told.length = 0;
    api.watching.fail(expired());
    await clock.advance(800);
    expect(told).toEqual(['updated a@12 was @3', 'added c@13', 'deleted b@4']);
    stop.abort();
    await ended;
  });

  it('goes on when a handler throws, and says so', async () => {
    const { api, log, stop, informer, run } = anInformer();
    const { told, handler } = aRecorder();
    informer.subscribe(() => {
      throw new Error('odd');
    });
    informer.subscribe(handler);
    api.pages.push(aList('7', at('3')));
    const ended = run();
    await settled();
    api.watching.push('MODIFIED', at('8'));
    await settled();
    expect(told).toEqual(['initial added a@3', 'updated a@8 was @3']);
    expect(log.at('error')).toEqual(Array(2).fill('a handler of changes threw; the others go on'));
    stop.abort();
    await ended;
  });

  it('tells everybody of one change before the next, also when a handler brings that about', async () => {
    const { api, stop, informer, run } = anInformer();
    const { told, handler } = aRecorder();
    informer.subscribe(({ object }) => {
      if (object.metadata.resourceVersion === '8') informer.put(at('9'));
    });
    informer.subscribe(handler);
    api.pages.push(aList('7', at('3')));
    const ended = run();
    await settled();
    api.watching.push('MODIFIED', at('8'));
    await settled();
    expect(told).toEqual(['initial added a@3', 'updated a@8 was @3', 'updated a@9 was @8']);
    stop.abort();
    await ended;
  });

  it('reads back what was written before its event comes, which is then no news', async () => {
    const { api, stop, informer, run } = anInformer({ transform: (it) => ({ ...it, kind: 'Small' }) });
    const { told, handler } = aRecorder();
    informer.subscribe(handler);
    api.pages.push(aList('7', at('3')));
    const ended = run();
    await settled();
    informer.put(at('9'));
    expect(informer.store.get('x/a')).toMatchObject({ kind: 'Small', metadata: { resourceVersion: '9' } });
    for (const version of ['8', '9']) api.watching.push('MODIFIED', at(version));
    await settled();
    expect(told).toEqual(['initial added a@3', 'updated a@9 was @3']);
    stop.abort();
    await ended;
  });

  it('strips managedFields, also from what is put', async () => {
    const { api, stop, informer, run } = anInformer();
    const full = (version: string) => anObject('x/a', { resourceVersion: version, managedFields: [{}] } as object);
    api.pages.push(aList('7', full('3')));
    const ended = run();
    await settled();
    expect(informer.store.get('x/a')?.metadata).not.toHaveProperty('managedFields');
    informer.put(full('8'));
    expect(informer.store.get('x/a')?.metadata.resourceVersion).toBe('8');
    expect(informer.store.get('x/a')?.metadata).not.toHaveProperty('managedFields');
    stop.abort();
    await ended;
  });

  it('watches several namespaces into one store, each by itself, and is synced with the last', async () => {
    const { api, clock, registry, stop, informer, run } = anInformer({ namespaces: ['x', 'y', 'x'] });
    api.pages.push(aList('7', at('3', 'x/a')), expired(), aList('8', at('4', 'y/a')));
    const ended = run();
    await settled();
    expect([informer.hasSynced, informer.store.size]).toEqual([false, 1]);
    await clock.advance(800);
    await informer.synced;
    expect(informer.hasSynced).toBe(true);
    expect(api.calls).toEqual(['x list', 'y list', 'x watch from=7', 'y list', 'y watch from=8']);
    expect(await metricValue(registry, 'informer_objects', { name: 'configmaps' })).toBe(2);
    stop.abort();
    await ended;
  });

  it('passes over a namespace that it may not read, and tells of it', async () => {
    const { api, clock, stop, informer, run } = anInformer({ namespaces: ['x', 'y'] });
    const told: string[] = [];
    const leave = informer.onAccess((namespace) => told.push(`${namespace} ${informer.knows(namespace)}`));
    api.pages.push(aList('7', at('3', 'x/a')), forbidden(), aList('8', at('4', 'y/a')), forbidden());
    const ended = run();
    await informer.synced;
    expect([informer.knows('x'), informer.knows('y'), informer.knows('z'), informer.refused]).toEqual([
      true,
      false,
      false,
      ['y'],
    ]);
    await clock.advance(800);
    expect([informer.knows('y'), informer.refused]).toEqual([true, []]);
    leave();
    api.watching.fail(forbidden());
    await clock.advance(1600);
    expect([informer.knows('y'), informer.store.size]).toEqual([false, 2]);
    expect(told).toEqual(['y false', 'y true']);
    stop.abort();
    await ended;
  });

  it.each([
    ['all namespaces', undefined, 1],
    ['the only namespace', ['x'], 1],
    ['any of its namespaces', ['x', 'y'], 2],
  ])('that may not read %s waits until it may', async (_, namespaces, requests) => {
    const { api, clock, stop, informer, run } = anInformer({ ...(namespaces && { namespaces }) });
    api.pages.push(
      ...Array.from({ length: requests }, forbidden),
      ...Array.from({ length: requests }, () => aList('7')),
    );
    const ended = run();
    await settled();
    expect([informer.hasSynced, informer.refused.length]).toEqual([false, requests]);
    await clock.advance(800);
    await informer.synced;
    expect([informer.hasSynced, informer.refused.length]).toEqual([true, 0]);
    stop.abort();
    await ended;
  });

  it('of a kind of the whole cluster does not look at namespaces', async () => {
    const { api, stop, run } = anInformer({ namespaces: ['x', 'y'], kind: Nodes as Kind<KubeObject> });
    api.pages.push(aList('7'));
    const ended = run();
    await settled();
    expect(api.calls).toEqual(['list', 'watch from=7']);
    stop.abort();
    await ended;
  });

  it('runs once at a time', async () => {
    const { api, stop, informer, run } = anInformer();
    api.pages.push(aList('7'));
    const ended = run();
    await expect(run()).rejects.toThrow('runs already');
    await settled();
    expect([api.watches.length, informer.hasSynced]).toEqual([1, true]);
    stop.abort();
    await ended;
  });
});

describe('informers', () => {
  function shared(namespaces?: readonly string[]) {
    const api = new ScriptedApi();
    const clock = new ManualClock();
    const environment = { clock, random: () => 0, log: new RecordedLog() };
    const stop = new AbortController();
    const informers = new Informers({ api, environment, ...(namespaces === undefined ? {} : { namespaces }) });
    return { api, clock, stop, informers };
  }

  it('are one for each kind and selection, with the indexes of all who ask', () => {
    const { informers } = shared(['y', 'x']);
    const pods = informers.of(Pods, { indexes: { name: ({ metadata }) => [metadata.name] } });
    expect(informers.of(Pods, { namespaces: ['x', 'y'], indexes: { uid: ({ metadata }) => [metadata.uid] } })).toBe(
      pods,
    );
    expect([pods.store.byIndex('name', 'a'), pods.store.byIndex('uid', 'a')]).toEqual([[], []]);
    const others = [
      informers.of(Pods, { namespaces: ['x'] }),
      informers.of(Pods, { labelSelector: 'k=v' }),
      informers.of(Pods, { fieldSelector: 'k=v' }),
      informers.of(ConfigMaps),
    ];
    expect(new Set([pods, ...others]).size).toBe(5);
  });

  it('refuse two indexes under one name, and two ways to make objects less', () => {
    const { informers } = shared();
    informers.of(Pods, { indexes: { name: ({ metadata }) => [metadata.name] } });
    expect(() => informers.of(Pods, { indexes: { name: () => [] } })).toThrow(RangeError);
    expect(() => informers.of(Pods, { transform: (pod) => pod })).toThrow('transformed in another way');
  });

  it('run together, also those asked for later, and say what they wait for', async () => {
    const { api, stop, informers } = shared(['x']);
    informers.of(Pods);
    informers.of(ConfigMaps);
    expect(informers.unsynced).toEqual(['pods', 'configmaps']);
    api.pages.push(aList('7'), 'hangs', aList('8'));
    const ended = informers.run(stop.signal);
    await settled();
    expect(informers.unsynced).toEqual(['configmaps']);
    const nodes = informers.of(Nodes);
    await nodes.synced;
    await settled();
    expect(api.calls).toEqual(['x list', 'x list', 'x watch from=7', 'list', 'watch from=8']);
    await expect(informers.run(stop.signal)).rejects.toThrow('ran already');
    stop.abort();
    await ended;
  });

  it('know a namespace when they know all of it, and say what they may not read', async () => {
    const { api, clock, stop, informers } = shared(['x', 'y']);
    const told: (string | undefined)[] = [];
    informers.of(Pods);
    const leave = informers.onAccess((namespace) => told.push(namespace));
    informers.of(ConfigMaps);
    api.pages.push(aList('7'), aList('7'), aList('7'), forbidden(), aList('8'));
    const ended = informers.run(stop.signal);
    await informers.synced();
    expect([informers.unsynced, informers.refused]).toEqual([[], ['configmaps in y']]);
    expect([informers.knows('x'), informers.knows('y')]).toEqual([true, false]);
    await clock.advance(800);
    expect([informers.knows('y'), informers.refused, told]).toEqual([true, [], ['y', 'y']]);
    leave();
    stop.abort();
    await ended;
  });

  it('tell when all are synced', async () => {
    const { api, stop, informers } = shared();
    informers.of(Pods);
    api.pages.push(aList('7'));
    const ended = informers.run(stop.signal);
    await informers.synced();
    expect(informers.unsynced).toEqual([]);
    stop.abort();
    await ended;
  });

  it('end at once when they were told so before', async () => {
    const { api, informers } = shared();
    informers.of(Pods);
    await informers.run(AbortSignal.abort());
    expect(api.calls).toEqual([]);
  });
});
