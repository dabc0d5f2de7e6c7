import { describe, expect, it } from 'vitest';
import { anObject, ManualSource } from '../test/manual-source.js';
import { RecordedLog } from '../test/recorded-log.js';
import { kind } from './kind.js';
import type { KubeObject, OwnerReference } from './object.js';
import { generationChanged, type Predicate } from './predicates.js';
import { type Mapper, mapByLabel, owns, self, watches } from './watches.js';

const Things = kind<KubeObject>({
  group: 'example.com',
  version: 'v1',
  kind: 'Thing',
  plural: 'things',
  namespaced: true,
});
const Nodes = kind<KubeObject>({ version: 'v1', kind: 'Node', plural: 'nodes', namespaced: false });

const owner = (change: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: 'example.com/v1',
  kind: 'Thing',
  name: 'big',
  uid: 'u',
  controller: true,
  ...change,
});
const ownedBy = (...ownerReferences: OwnerReference[]) => anObject('ns/small', { ownerReferences });

describe('a mapping', () => {
  const cases: Record<string, { map: Mapper<KubeObject>; object: KubeObject; want: string[] }> = {
    'self is the key of the object': { map: self, object: anObject('ns/a'), want: ['ns/a'] },
    'the controlling owner, in the same namespace': { map: owns(Things), object: ownedBy(owner()), want: ['ns/big'] },
    'an owner of another version of the kind': {
      map: owns(Things),
      object: ownedBy(owner({ apiVersion: 'example.com/v1beta1' })),
      want: ['ns/big'],
    },
    'an owner of the whole cluster': {
      map: owns(Nodes),
      object: ownedBy(owner({ apiVersion: 'v1', kind: 'Node', name: 'n1' })),
      want: ['n1'],
    },
    'no owner that does not control': { map: owns(Things), object: ownedBy(owner({ controller: false })), want: [] },
    'no owner of another kind': { map: owns(Things), object: ownedBy(owner({ kind: 'Job' })), want: [] },
    'no owner of another group': {
      map: owns(Things),
      object: ownedBy(owner({ apiVersion: 'other.com/v1' })),
      want: [],
    },
    'no owner at all': { map: owns(Things), object: anObject('ns/a'), want: [] },
    'what a label names': {
      map: mapByLabel('of'),
      object: anObject('ns/a', { labels: { of: 'big' } }),
      want: ['ns/big'],
    },
    'nothing for an empty label': { map: mapByLabel('of'), object: anObject('ns/a', { labels: { of: '' } }), want: [] },
    'nothing without the label': { map: mapByLabel('of'), object: anObject('ns/a'), want: [] },
  };
  it.each(Object.entries(cases))('%s', (_, { map, object, want }) => {
    expect(map(object)).toEqual(want);
  });
});

describe('a watch', () => {
  function aWatch(map: Mapper<KubeObject>, when?: Predicate) {
    const source = new ManualSource();
    const log = new RecordedLog();
    const asked: string[] = [];
    const begin = () => watches(source, map, when).start((key, priority) => asked.push(`${key} ${priority}`), log);
    return { source, log, asked, begin };
  }

  it('asks for both owners when an object changes hands', () => {
    const { source, asked, begin } = aWatch(owns(Things));
    begin();
    const moved = ownedBy(owner({ name: 'bigger' }));
    source.put(ownedBy(owner()));
    source.put({ ...moved, metadata: { ...moved.metadata, resourceVersion: '2' } });
    source.remove(moved);
    expect(asked).toEqual(['ns/big normal', 'ns/bigger normal', 'ns/big normal', 'ns/bigger normal']);
  });

  it('lets what was there already wait behind what happens', () => {
    const { source, asked, begin } = aWatch(self);
    source.put(anObject('ns/a'));
    begin();
    source.put(anObject('ns/b'), true);
    source.put(anObject('ns/a'));
    source.put(anObject('ns/a', { resourceVersion: '2' }));
    expect(asked).toEqual(['ns/a low', 'ns/b low', 'ns/a low', 'ns/a normal']);
  });

  it('leaves out what the predicate does', () => {
    const { source, asked, begin } = aWatch(self, generationChanged);
    begin();
    source.put(anObject('ns/a'));
    source.put(anObject('ns/a', { resourceVersion: '2' }));
    source.put(anObject('ns/a', { resourceVersion: '3', generation: 2 }));
    expect(asked).toEqual(['ns/a normal', 'ns/a normal']);
  });

  it('never lets a mapping that throws harm the source', () => {
    const { source, log, asked, begin } = aWatch((object) => {
      if (object.metadata.name === 'bad') throw new Error('no');
      return self(object);
    });
    begin();
    source.put(anObject('ns/bad'));
    source.put(anObject('ns/good'));
    expect(asked).toEqual(['ns/good normal']);
    expect(log.lines).toMatchObject([{ level: 'error', fields: { object: 'ns/bad', err: { message: 'no' } } }]);
  });

  it('asks for nothing once it has ended', () => {
    const { source, asked, begin } = aWatch(self);
    const end = begin();
    end();
    source.put(anObject('ns/a'));
    expect(asked).toEqual([]);
    expect(source.subscribers).toBe(0);
  });
});
