import { describe, expect, it } from 'vitest';
import { anObject } from '../test/manual-source.js';
import type { KubeObject, ObjectMeta } from './object.js';
import type { Change } from './source.js';
import { Store } from './store.js';

const at = (resourceVersion: string, key = 'x/a', metadata: Partial<ObjectMeta> = {}) =>
  anObject(key, { resourceVersion, ...metadata });

const told = (changes: readonly Change<KubeObject>[]) =>
  changes.map(
    ({ type, object, previous }) =>
      `${type} ${object.metadata.name}@${object.metadata.resourceVersion}${previous === undefined ? '' : ` was @${previous.metadata.resourceVersion}`}`,
  );

function listed(version: string, ...objects: KubeObject[]) {
  const store = new Store<KubeObject>();
  const scope = store.scope();
  scope.replace(objects, version);
  return { store, scope };
}

describe('a store', () => {
  it('knows objects by key, by namespace and all', () => {
    const { store } = listed('9', at('1', 'x/a'), at('2', 'y/b'));
    expect(store.size).toBe(2);
    expect(store.get('x/a')?.metadata.resourceVersion).toBe('1');
    expect(store.get('x/b')).toBeUndefined();
    expect(store.list('y').map((it) => it.metadata.name)).toEqual(['b']);
    expect(store.list().length).toBe(2);
  });

  it('freezes objects to the bottom', () => {
    const { store } = listed('9', at('1', 'x/a', { labels: { k: 'v' }, finalizers: ['f'] }));
    const { labels, finalizers } = store.get('x/a')?.metadata ?? {};
    expect([store.get('x/a'), labels, finalizers].every(Object.isFrozen)).toBe(true);
  });

  it('finds objects by index, as they come, change and go', () => {
    const store = new Store<KubeObject>({ label: ({ metadata }) => Object.values(metadata.labels ?? {}) });
    const found = (value: string) => store.byIndex('label', value).map((it) => it.metadata.name);
    const scope = store.scope();
    scope.replace([at('1', 'x/a', { labels: { one: 'p', two: 'q' } }), at('2', 'x/b', { labels: { one: 'p' } })], '2');
    expect([found('p'), found('q'), found('r')]).toEqual([['a', 'b'], ['a'], []]);
    scope.see({ type: 'MODIFIED', object: at('3', 'x/a', { labels: { one: 'r' } }) });
    expect([found('p'), found('q'), found('r')]).toEqual([['b'], [], ['a']]);
    scope.see({ type: 'DELETED', object: at('4', 'x/a', { labels: {} }) });
    expect([found('p'), found('r')]).toEqual([['b'], []]);
    scope.replace([], '5');
    expect(found('p')).toEqual([]);
  });

  it('takes an index later too, and one only under a name', () => {
    const { store } = listed('9', at('1', 'x/a'));
    const byName = ({ metadata }: KubeObject) => [metadata.name];
    store.addIndex('name', byName);
    store.addIndex('name', byName);
    expect(store.byIndex('name', 'a').length).toBe(1);
    expect(() => store.addIndex('name', () => [])).toThrow(RangeError);
    expect(() => store.byIndex('nane', 'a')).toThrow('the store has no index “nane”');
  });

  it('stays as it was when an index throws', () => {
    const store = new Store<KubeObject>({
      name: ({ metadata }) => [metadata.name],
      owner: ({ metadata }) => {
        if (metadata.labels?.odd !== undefined) throw new Error('odd');
        return [];
      },
    });
    const scope = store.scope();
    scope.replace([], '1');
    expect(() => scope.see({ type: 'ADDED', object: at('2', 'x/a', { labels: { odd: '' } }) })).toThrow('odd');
    expect([store.size, store.byIndex('name', 'a')]).toEqual([0, []]);
  });
});

describe('a list', () => {
  it('adds, updates, and deletes what is missing', () => {
    const { scope } = listed('3', at('1', 'x/a'), at('2', 'x/b'), at('3', 'x/c'));
    expect(told(scope.replace([at('1', 'x/a'), at('5', 'x/b'), at('6', 'x/d')], '7'))).toEqual([
      'updated b@5 was @2',
      'added d@6',
      'deleted c@3',
    ]);
    expect(scope.version).toBe('7');
  });

  it('does not take back what was written after it was made', () => {
    const { store, scope } = listed('3', at('1'));
    store.put(at('9'));
    store.put(at('8', 'x/new'));
    expect(told(scope.replace([at('5')], '7'))).toEqual([]);
    expect(store.list().map((it) => it.metadata.resourceVersion)).toEqual(['9', '8']);
  });

  it('of one namespace leaves the others alone', () => {
    const store = new Store<KubeObject>();
    store.scope('x').replace([at('1', 'x/a')], '1');
    store.scope('y').replace([at('2', 'y/a')], '2');
    expect(told(store.scope('y').replace([], '3'))).toEqual(['deleted a@2']);
    expect(store.list().map((it) => it.metadata.namespace)).toEqual(['x']);
    expect(store.scope('x')).toBe(store.scope('x'));
  });

  it('of a server that is back in time counts more than all that is known', () => {
    const { store, scope } = listed('900', at('800', 'x/a'), at('900', 'x/b'));
    expect(told(scope.replace([at('5', 'x/a'), at('6', 'x/c')], '7'))).toEqual([
      'updated a@5 was @800',
      'added c@6',
      'deleted b@900',
    ]);
    expect(told(scope.see({ type: 'MODIFIED', object: at('8', 'x/a') }))).toEqual(['updated a@8 was @5']);
    expect(store.size).toBe(2);
  });
});

describe('an event', () => {
  it('adds, updates and deletes', () => {
    const { store, scope } = listed('1');
    expect(told(scope.see({ type: 'ADDED', object: at('2') }))).toEqual(['added a@2']);
    expect(told(scope.see({ type: 'MODIFIED', object: at('3') }))).toEqual(['updated a@3 was @2']);
    expect(told(scope.see({ type: 'DELETED', object: at('4') }))).toEqual(['deleted a@4']);
    expect([store.size, scope.version]).toEqual([0, '4']);
  });

  it('adds with MODIFIED, and updates with ADDED: what counts is what was known', () => {
    const { scope } = listed('1');
    expect(told(scope.see({ type: 'MODIFIED', object: at('2') }))).toEqual(['added a@2']);
    expect(told(scope.see({ type: 'ADDED', object: at('3') }))).toEqual(['updated a@3 was @2']);
  });

  it('that came already, or is older, changes nothing', () => {
    const { store, scope } = listed('5', at('5'));
    expect(told(scope.see({ type: 'MODIFIED', object: at('5') }))).toEqual([]);
    expect(told(scope.see({ type: 'MODIFIED', object: at('4') }))).toEqual([]);
    expect(told(scope.see({ type: 'DELETED', object: at('4') }))).toEqual([]);
    expect(store.get('x/a')?.metadata.resourceVersion).toBe('5');
  });

  it('that is old does not bring back what has gone', () => {
    const { store, scope } = listed('5', at('5'));
    scope.see({ type: 'DELETED', object: at('7') });
    expect(told(scope.see({ type: 'MODIFIED', object: at('6') }))).toEqual([]);
    expect(store.size).toBe(0);
  });

  it('tells of a new object under the old name that the old one went and a new one came', () => {
    const { scope } = listed('5', at('5', 'x/a', { uid: 'old' }));
    expect(told(scope.see({ type: 'ADDED', object: at('9', 'x/a', { uid: 'new' }) }))).toEqual([
      'deleted a@5',
      'added a@9',
    ]);
    expect(told(scope.see({ type: 'DELETED', object: at('8', 'x/a', { uid: 'old' }) }))).toEqual([]);
  });

  it('without a comparable version is believed', () => {
    const { store, scope } = listed('odd', at('p'));
    expect(told(scope.see({ type: 'MODIFIED', object: at('q') }))).toEqual(['updated a@q was @p']);
    expect(told(scope.see({ type: 'DELETED', object: at('q') }))).toEqual(['deleted a@q']);
    expect(store.size).toBe(0);
  });

  it('of the kind bookmark only moves the version on, never back', () => {
    const { scope } = listed('5');
    expect(scope.see({ type: 'BOOKMARK', resourceVersion: '12' })).toEqual([]);
    scope.see({ type: 'BOOKMARK', resourceVersion: '11' });
    expect(scope.version).toBe('12');
  });
});

describe('the answer of a write', () => {
  it('is read at once, and its event is no news', () => {
    const { store, scope } = listed('5', at('5'));
    expect(told(store.put(at('8')))).toEqual(['updated a@8 was @5']);
    expect(told(scope.see({ type: 'MODIFIED', object: at('7') }))).toEqual([]);
    expect(told(scope.see({ type: 'MODIFIED', object: at('8') }))).toEqual([]);
    expect(told(scope.see({ type: 'MODIFIED', object: at('9') }))).toEqual(['updated a@9 was @8']);
  });

  it('that made an object is read at once too', () => {
    const { store, scope } = listed('5');
    expect(told(store.put(at('6')))).toEqual(['added a@6']);
    expect(told(scope.see({ type: 'ADDED', object: at('6') }))).toEqual([]);
    expect(told(scope.see({ type: 'DELETED', object: at('7') }))).toEqual(['deleted a@7']);
  });

  it.each(['4', '5', 'odd'])('with the version %s is ignored beside version 5', (version) => {
    const { store } = listed('5', at('5'));
    expect(store.put(at(version))).toEqual([]);
    expect(store.get('x/a')?.metadata.resourceVersion).toBe('5');
  });

  it('that comes after the object has gone does not bring it back', () => {
    const { store, scope } = listed('5', at('5'));
    scope.see({ type: 'DELETED', object: at('7') });
    expect(store.put(at('6'))).toEqual([]);
    expect(store.size).toBe(0);
  });

  it('is left to the first list when that has not come, and ignored outside of what is watched', () => {
    const store = new Store<KubeObject>();
    const scope = store.scope('x');
    expect(store.put(at('6', 'x/a'))).toEqual([]);
    scope.replace([], '5');
    expect(store.put(at('6', 'y/a'))).toEqual([]);
    expect(told(store.put(at('6', 'x/a')))).toEqual(['added a@6']);
  });
});
