import { describe, expect, it } from 'vitest';
import type { OwnerReference } from '../../src/object.js';
import { collectGarbage } from './garbage.js';
import { aServer, aThing, ref, type Thing, Things } from './things.js';

const owner = ({ metadata }: Thing, blockOwnerDeletion = true): OwnerReference => ({
  apiVersion: 'example.com/v1',
  kind: 'Thing',
  name: metadata.name,
  uid: metadata.uid,
  blockOwnerDeletion,
});

function aFamily() {
  const server = aServer();
  const parent = server.create(Things, aThing('parent'));
  const child = server.create(Things, aThing('child', { metadata: { ownerReferences: [owner(parent)] } }));
  server.create(Things, aThing('grandchild', { metadata: { ownerReferences: [owner(child)] } }));
  const left = () => server.all(Things).map((it) => it.metadata.name);
  const collect = () => {
    while (collectGarbage(server));
  };
  return { server, parent, left, collect };
}

describe('the garbage collector', () => {
  it('leaves alone whoever has an owner, or none', () => {
    const { server, left } = aFamily();
    expect(collectGarbage(server)).toBe(false);
    expect(left()).toEqual(['child', 'grandchild', 'parent']);
  });

  it('removes what is left without an owner, one generation a round', () => {
    const { server, left } = aFamily();
    server.delete(Things, ref('parent'), { propagationPolicy: 'Background' });
    expect(left()).toEqual(['child', 'grandchild']);
    expect(collectGarbage(server)).toBe(true);
    expect(collectGarbage(server)).toBe(true);
    expect(collectGarbage(server)).toBe(false);
    expect(left()).toEqual([]);
  });

  it('knows an owner by its UID, not by its name', () => {
    const { server, left, collect } = aFamily();
    server.delete(Things, ref('parent'), { propagationPolicy: 'Background' });
    server.create(Things, aThing('parent'));
    collect();
    expect(left()).toEqual(['parent']);
  });

  it('keeps what has another owner', () => {
    const { server, parent, left, collect } = aFamily();
    const other = server.create(Things, aThing('other'));
    server.create(Things, aThing('shared', { metadata: { ownerReferences: [owner(parent), owner(other)] } }));
    server.delete(Things, ref('parent'), { propagationPolicy: 'Background' });
    collect();
    expect(left()).toEqual(['other', 'shared']);
  });

  it('lets an owner in the foreground go last', () => {
    const { server, left, collect } = aFamily();
    server.patch(Things, ref('grandchild'), { type: 'merge', body: { metadata: { finalizers: ['hold'] } } });
    server.delete(Things, ref('parent'), { propagationPolicy: 'Foreground' });
    collect();
    expect(left()).toEqual(['child', 'grandchild', 'parent']);
    server.patch(Things, ref('grandchild'), { type: 'merge', body: { metadata: { finalizers: [] } } });
    collect();
    expect(left()).toEqual([]);
  });

  it('cuts orphans off', () => {
    const { server, left, collect } = aFamily();
    server.delete(Things, ref('parent'), { propagationPolicy: 'Orphan' });
    expect(left()).toContain('parent');
    collect();
    expect(left()).toEqual(['child', 'grandchild']);
    expect(server.get(Things, ref('child')).metadata.ownerReferences).toBeUndefined();
  });
});
