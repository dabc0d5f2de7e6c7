import { describe, expect, it } from 'vitest';
import { KubeApiError } from '../../src/error.js';
import { kind } from '../../src/kind.js';
import { ConfigMaps, Nodes } from '../../src/kinds/core.js';
import { Leases } from '../../src/kinds/lease.js';
import { type Pod, Pods } from '../../src/kinds/pod.js';
import type { KubeObject } from '../../src/object.js';
import { aServer, aThing, ref, type Thing, Things } from './things.js';

const refusal = (reason: string, message?: string) =>
  expect.objectContaining({ reason, ...(message === undefined ? {} : { message: expect.stringContaining(message) }) });

describe('the server in memory', () => {
  describe('when an object is made', () => {
    it('fills in what is its own, with defaults, without a status', () => {
      const made = aServer().create(Things, {
        ...aThing('a', { metadata: { labels: { l: '1' }, uid: 'mine', generation: 7 }, spec: { tags: ['x'] } }),
        status: { phase: 'Done' },
      });
      expect(made).toEqual({
        apiVersion: 'example.com/v1',
        kind: 'Thing',
        metadata: {
          namespace: 'ns',
          name: 'a',
          labels: { l: '1' },
          uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
          resourceVersion: '1001',
          creationTimestamp: '2026-01-01T00:00:00Z',
          generation: 1,
        },
        spec: { size: 1, tags: ['x'] },
      });
      expect(Object.isFrozen(made.spec?.tags)).toBe(true);
    });

    it('keeps the status of a kind without a subresource, and counts no generation of it', () => {
      const made = aServer().create(ConfigMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: ref('a'),
        data: {},
        status: { odd: true },
      });
      expect(made).toMatchObject({ status: { odd: true } });
      expect(made.metadata.generation).toBeUndefined();
    });

    it('makes a name up', () => {
      const server = aServer();
      const draft = { ...aThing(''), metadata: { namespace: 'ns', generateName: 'job-' } };
      const names = [server.create(Things, draft), server.create(Things, draft)].map((it) => it.metadata.name);
      expect(names[0]).toMatch(/^job-[a-z0-9]{5}$/);
      expect(names[0]).not.toBe(names[1]);
    });

    it('knows the kinds of the whole cluster', () => {
      const server = aServer();
      const node = server.create(Nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', namespace: 'x' } });
      expect(node.metadata.namespace).toBeUndefined();
      expect(server.get(Nodes, { name: 'n' })).toBe(node);
    });

    const refusals: Record<string, [() => unknown, string, string]> = {
      'one that is there': [() => twice(), 'AlreadyExists', 'things.example.com "a" already exists'],
      'one without a name': [
        () => aServer().create(Things, { ...aThing(''), metadata: { namespace: 'ns' } }),
        'Invalid',
        'name',
      ],
      'one without a namespace': [
        () => aServer().create(Things, { ...aThing('a'), metadata: { name: 'a' } }),
        'BadRequest',
        'namespace',
      ],
      'one with a resourceVersion': [
        () => aServer().create(Things, aThing('a', { metadata: { resourceVersion: '7' } })),
        'BadRequest',
        'resourceVersion',
      ],
      'one that is invalid': [
        () => aServer().create(Things, aThing('a', { spec: { size: -1 } })),
        'Invalid',
        'spec.size',
      ],
      'one of a kind that it does not know': [
        () =>
          aServer().create(
            kind<KubeObject>({ version: 'v1', kind: 'X', plural: 'xs', namespaced: false }),
            aThing('a'),
          ),
        'NotFound',
        'does not know',
      ],
    };
    it.each(Object.entries(refusals))('refuses %s', (_, [make, reason, message]) => {
      expect(make).toThrow(refusal(reason, message));
    });

    function twice() {
      const server = aServer();
      server.create(Things, aThing('a'));
      server.create(Things, aThing('a'));
    }
  });

  describe('when an object is replaced', () => {
    it('takes it only from who saw the last state', () => {
      const server = aServer();
      const first = server.create(Things, aThing('a'));
      const second = server.replace(Things, { ...first, spec: { size: 2 } });
      expect(second.metadata).toMatchObject({ generation: 2, resourceVersion: '1002', uid: first.metadata.uid });
      expect(() => server.replace(Things, { ...first, spec: { size: 3 } })).toThrow(refusal('Conflict', 'modified'));
      expect(() => server.replace(Things, { ...second, metadata: { ...second.metadata, uid: 'x' } })).toThrow(
        refusal('Conflict', 'UID'),
      );
      expect(() =>
        server.replace(Things, { ...second, metadata: { ...second.metadata, resourceVersion: '' } }),
      ).toThrow(refusal('Invalid', 'must be specified'));
      expect(() => server.replace(Things, { ...second, metadata: { ...second.metadata, name: 'b' } })).toThrow(
        refusal('NotFound'),
      );
      expect(server.get(Things, ref('a'))).toBe(second);
    });

    it('keeps status and everything else apart', () => {
      const server = aServer();
      const first = server.create(Things, aThing('a'));
      const withStatus = server.replace(
        Things,
        { ...first, spec: { size: 9 }, metadata: { ...first.metadata, labels: { l: '1' } }, status: { phase: 'Busy' } },
        { subresource: 'status' },
      );
      expect(withStatus).toMatchObject({ spec: { size: 1 }, status: { phase: 'Busy' }, metadata: { generation: 1 } });
      expect(withStatus.metadata.labels).toBeUndefined();
      const withSpec = server.replace(Things, { ...withStatus, spec: { size: 9 }, status: { phase: 'Done' } });
      expect(withSpec).toMatchObject({ spec: { size: 9 }, status: { phase: 'Busy' }, metadata: { generation: 2 } });
    });

    it('counts no generation for labels, annotations and finalizers', () => {
      const server = aServer();
      const { metadata, ...first } = server.create(Things, aThing('a'));
      const after = server.replace(Things, {
        ...first,
        metadata: { ...metadata, labels: { l: '1' }, annotations: { a: '1' }, finalizers: ['f'], generation: 40 },
      });
      expect(after.metadata).toMatchObject({ generation: 1, labels: { l: '1' }, finalizers: ['f'] });
    });

    it('does nothing when nothing changes', () => {
      const server = aServer();
      const first = server.create(Things, aThing('a'));
      expect(server.replace(Things, structuredClone(first))).toBe(first);
      expect(server.version).toBe('1001');
    });

    it('has no status where there is none', () => {
      const server = aServer();
      const map = server.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: ref('a') });
      expect(() => server.replace(ConfigMaps, map, { subresource: 'status' })).toThrow(refusal('NotFound'));
    });
  });

  describe('when an object is patched', () => {
    it('merges, and takes a resourceVersion or a UID as a condition', () => {
      const server = aServer();
      const { metadata } = server.create(Things, aThing('a', { metadata: { annotations: { keep: '1', drop: '1' } } }));
      const patched = server.patch(Things, ref('a'), {
        type: 'merge',
        body: {
          metadata: { annotations: { drop: null, add: '1' }, resourceVersion: metadata.resourceVersion },
          spec: { size: 5 },
        },
      });
      expect(patched).toMatchObject({ metadata: { annotations: { keep: '1', add: '1' } }, spec: { size: 5 } });
      const stale = { type: 'merge', body: { metadata: { resourceVersion: metadata.resourceVersion } } } as const;
      expect(() => server.patch(Things, ref('a'), stale)).toThrow(refusal('Conflict'));
      const other = { type: 'merge', body: { metadata: { uid: 'x' } } } as const;
      expect(() => server.patch(Things, ref('a'), other)).toThrow(refusal('Invalid', 'metadata.uid'));
    });

    it('patches the status alone by its subresource', () => {
      const server = aServer();
      server.create(Things, aThing('a'));
      const body = { spec: { size: 5 }, status: { phase: 'Busy' } };
      expect(server.patch(Things, ref('a'), { type: 'merge', body }, { subresource: 'status' })).toMatchObject({
        spec: { size: 1 },
        status: { phase: 'Busy' },
      });
    });

    it('takes JSON patches, and no strategic ones', () => {
      const server = aServer();
      server.create(Things, aThing('a', { metadata: { finalizers: ['x', 'y'] } }));
      const body = [
        { op: 'test', path: '/metadata/finalizers/0', value: 'x' },
        { op: 'remove', path: '/metadata/finalizers/0' },
      ];
      expect(server.patch(Things, ref('a'), { type: 'json', body }).metadata.finalizers).toEqual(['y']);
      expect(() => server.patch(Things, ref('a'), { type: 'json', body })).toThrow(refusal('Invalid', 'test'));
      expect(() => server.patch(Things, ref('a'), { type: 'strategic', body: {} })).toThrow(
        refusal('UnsupportedMediaType'),
      );
      expect(() => server.patch(Things, ref('b'), { type: 'merge', body: {} })).toThrow(refusal('NotFound'));
    });
  });

  describe('when an object is deleted', () => {
    it('is gone at once when nothing holds it', () => {
      const server = aServer();
      server.create(Things, aThing('a'));
      server.delete(Things, ref('a'), { propagationPolicy: 'Background' });
      expect(server.find(Things, ref('a'))).toBeUndefined();
      expect(() => server.get(Things, ref('a'))).toThrow(refusal('NotFound', 'things.example.com "a" not found'));
      expect(() => server.delete(Things, ref('a'), { propagationPolicy: 'Background' })).toThrow(refusal('NotFound'));
    });

    it('waits for its finalizers, which may go but not come', () => {
      const server = aServer();
      server.create(Things, aThing('a', { metadata: { finalizers: ['x', 'y'] } }));
      server.delete(Things, ref('a'), { propagationPolicy: 'Background' });
      const begun = server.get(Things, ref('a'));
      expect(begun.metadata).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:00Z', generation: 2 });
      server.delete(Things, ref('a'), { propagationPolicy: 'Background' });
      expect(server.get(Things, ref('a'))).toBe(begun);
      const patch = (...finalizers: string[]) =>
        server.patch(Things, ref('a'), { type: 'merge', body: { metadata: { finalizers } } });
      expect(() => patch('x', 'y', 'z')).toThrow(refusal('Invalid', 'found z'));
      patch('y');
      expect(server.find(Things, ref('a'))).toBeDefined();
      patch();
      expect(server.find(Things, ref('a'))).toBeUndefined();
    });

    it('is held to its conditions', () => {
      const server = aServer();
      const { metadata } = server.create(Things, aThing('a'));
      const propagationPolicy = 'Background';
      expect(() => server.delete(Things, ref('a'), { propagationPolicy, preconditions: { uid: 'x' } })).toThrow(
        refusal('Conflict', 'UID'),
      );
      expect(() =>
        server.delete(Things, ref('a'), { propagationPolicy, preconditions: { resourceVersion: '1' } }),
      ).toThrow(refusal('Conflict'));
      const { uid, resourceVersion } = metadata;
      server.delete(Things, ref('a'), { propagationPolicy, preconditions: { uid, resourceVersion } });
      expect(server.find(Things, ref('a'))).toBeUndefined();
    });

    const aPod = (nodeName?: string, spec: object = {}) =>
      ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: ref('p'),
        spec: { containers: [], ...(nodeName === undefined ? {} : { nodeName }), ...spec },
      }) as unknown as Pod;

    it('leaves a pod on a node to its kubelet', () => {
      const server = aServer();
      server.create(Pods, aPod('n1'));
      server.delete(Pods, ref('p'), { propagationPolicy: 'Background' });
      expect(server.get(Pods, ref('p')).metadata).toMatchObject({
        deletionTimestamp: '2026-01-01T00:00:30Z',
        deletionGracePeriodSeconds: 30,
      });
      server.delete(Pods, ref('p'), { propagationPolicy: 'Background', gracePeriodSeconds: 10 });
      expect(server.get(Pods, ref('p')).metadata.deletionGracePeriodSeconds).toBe(10);
      server.delete(Pods, ref('p'), { propagationPolicy: 'Background', gracePeriodSeconds: 60 });
      expect(server.get(Pods, ref('p')).metadata.deletionGracePeriodSeconds).toBe(10);
      server.update(Pods, ref('p'), (pod) => ({ ...pod, status: { phase: 'Failed' as const } }), {
        subresource: 'status',
      });
      expect(server.find(Pods, ref('p'))).toBeDefined();
      server.delete(Pods, ref('p'), { propagationPolicy: 'Background', gracePeriodSeconds: 0 });
      expect(server.find(Pods, ref('p'))).toBeUndefined();
    });

    it('removes a pod without a node, or one that has ended, at once', () => {
      const server = aServer();
      server.create(Pods, aPod());
      server.delete(Pods, ref('p'), { propagationPolicy: 'Background' });
      expect(server.find(Pods, ref('p'))).toBeUndefined();
      server.create(Pods, aPod('n1'));
      server.update(Pods, ref('p'), (pod) => ({ ...pod, status: { phase: 'Succeeded' as const } }), {
        subresource: 'status',
      });
      server.delete(Pods, ref('p'), { propagationPolicy: 'Background' });
      expect(server.find(Pods, ref('p'))).toBeUndefined();
    });
  });

  describe('lists', () => {
    const filled = () => {
      const server = aServer();
      for (const name of ['c', 'a', 'b']) server.create(Things, aThing(name, { metadata: { labels: { n: name } } }));
      server.create(Things, aThing('a', { metadata: { namespace: 'other' } }));
      return server;
    };
    const names = (items: readonly KubeObject[]) => items.map((it) => `${it.metadata.namespace}/${it.metadata.name}`);

    it('have all objects in the order of their keys, or those that are selected', () => {
      const server = filled();
      expect(names(server.list(Things).items)).toEqual(['ns/a', 'ns/b', 'ns/c', 'other/a']);
      expect(names(server.list(Things, { namespace: 'ns', labelSelector: 'n in (a, c)' }).items)).toEqual([
        'ns/a',
        'ns/c',
      ]);
      expect(names(server.list(Things, { fieldSelector: 'metadata.name=a' }).items)).toEqual(['ns/a', 'other/a']);
      expect(server.list(Things)).toMatchObject({ resourceVersion: '1004' });
      expect(server.list(Things)).not.toHaveProperty('continue');
      expect(() => server.list(Things, { fieldSelector: 'spec.size=1' })).toThrow(refusal('BadRequest'));
    });

    it('come in pages of one moment', () => {
      const server = filled();
      const first = server.list(Things, { limit: 2 });
      server.delete(Things, ref('c'), { propagationPolicy: 'Background' });
      const second = server.list(Things, { limit: 2, continue: first.continue as string });
      expect([names(first.items), names(second.items)]).toEqual([
        ['ns/a', 'ns/b'],
        ['ns/c', 'other/a'],
      ]);
      expect([first.remainingItemCount, second.remainingItemCount, second.continue]).toEqual([2, undefined, undefined]);
      expect([first.resourceVersion, second.resourceVersion]).toEqual(['1004', '1004']);
      expect(server.list(Things, { limit: 1, labelSelector: 'n' }).remainingItemCount).toBeUndefined();
    });

    it('expire with their moment', () => {
      const server = filled();
      const { continue: next } = server.list(Things, { limit: 2 });
      server.compact();
      expect(() => server.list(Things, { limit: 2, continue: next as string })).toThrow(refusal('Expired'));
    });
  });

  it('refuses what its admission refuses, and changes nothing', () => {
    const server = aServer();
    server.create(Things, aThing('a'));
    const seen: string[] = [];
    server.admit = ({ operation, object, before }) => {
      seen.push(`${operation} ${object.metadata.name} ${before === undefined ? 'new' : 'known'}`);
      return new KubeApiError('no quota', { status: 403, reason: 'Forbidden' });
    };
    expect(() => server.create(Things, aThing('b'))).toThrow('no quota');
    expect(() => server.patch(Things, ref('a'), { type: 'merge', body: { spec: { size: 2 } } })).toThrow('no quota');
    expect(() => server.delete(Things, ref('a'), { propagationPolicy: 'Background' })).toThrow('no quota');
    expect(seen).toEqual(['create b new', 'update a known', 'delete a known']);
    expect(server.all(Things)).toHaveLength(1);
    expect(server.version).toBe('1001');
  });

  it('answers what is only asked', () => {
    const server = aServer().answer('/reviews', (body) => ({ ...body, status: { ok: true } }));
    expect(server.post('/reviews', { spec: 1 })).toEqual({ spec: 1, status: { ok: true } });
    expect(() => server.post('/others', {})).toThrow(refusal('NotFound'));
  });

  describe('server-side apply', () => {
    const apply = (
      server: ReturnType<typeof aServer>,
      fieldManager: string,
      status: Thing['status'],
      force = false,
      subresource: 'status' | undefined = 'status',
    ) =>
      server.apply(
        Things,
        { ...aThing('a'), status },
        { fieldManager, force, ...(subresource ? { subresource } : {}) },
      );
    const made = () => {
      const server = aServer();
      server.create(Things, aThing('a'));
      return server;
    };

    it('makes an object that is not there, without its status', () => {
      const server = aServer();
      const thing = server.apply(
        Things,
        { ...aThing('a', { spec: { size: 4 } }), status: { phase: 'x' } },
        { fieldManager: 'm' },
      );
      expect(thing).toMatchObject({ spec: { size: 4 }, metadata: { generation: 1 } });
      expect(thing.status).toBeUndefined();
      expect(() => apply(server, 'm', {}, false)).not.toThrow();
      expect(() => server.apply(Things, aThing('b'), { fieldManager: 'm', subresource: 'status' })).toThrow(
        refusal('NotFound'),
      );
    });

    it('is of the state that was meant, and of the object, but for the status of a custom resource', () => {
      const server = made();
      const stale = aThing('a', { metadata: { resourceVersion: '1' } });
      const another = aThing('a', { metadata: { uid: 'another' } });
      const status = { fieldManager: 'm', subresource: 'status' } as const;
      for (const options of [status, { fieldManager: 'm' }]) {
        expect(() => server.apply(Things, stale, options)).toThrow(refusal('Conflict'));
      }
      expect(() => server.apply(Things, another, { fieldManager: 'm' })).toThrow(refusal('Invalid', 'metadata.uid'));
      expect(server.apply(Things, { ...another, status: { phase: 'x' } }, status).status).toEqual({ phase: 'x' });
      server.create(Nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
      const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'another' }, status: {} };
      expect(() => server.apply(Nodes, node, status)).toThrow(refusal('Invalid', 'metadata.uid'));
    });

    it('makes an object anew although it names a version of the one before', () => {
      const server = aServer();
      const draft = aThing('a', { metadata: { resourceVersion: '7' } });
      expect(server.apply(Things, draft, { fieldManager: 'm' }).metadata.generation).toBe(1);
    });

    it('makes nothing of a UID', () => {
      const gone = aThing('b', { metadata: { uid: 'u' } });
      expect(() => aServer().apply(Things, gone, { fieldManager: 'm' })).toThrow(refusal('Conflict', 'uid'));
    });

    it('lets two managers write parts of one status, items of a list among them', () => {
      const server = made();
      apply(server, 'main', {
        phase: 'Busy',
        stages: [
          { name: 'one', state: 'Running' },
          { name: 'two', state: 'Waiting' },
        ],
      });
      apply(server, 'progress', { progress: { percent: 10 }, stages: [{ name: 'one', percent: 20 }] });
      const thing = apply(server, 'main', {
        phase: 'Busy',
        stages: [
          { name: 'one', state: 'Done' },
          { name: 'two', state: 'Running' },
        ],
      });
      expect(thing.status).toEqual({
        phase: 'Busy',
        progress: { percent: 10 },
        stages: [
          { name: 'one', state: 'Done', percent: 20 },
          { name: 'two', state: 'Running' },
        ],
      });
      expect(thing.metadata.generation).toBe(1);
      expect(server.ownersOf(Things, ref('a'))).toEqual({
        'main Apply/status': [
          '.status.phase',
          '.status.stages["one"]',
          '.status.stages["one"].name',
          '.status.stages["one"].state',
          '.status.stages["two"]',
          '.status.stages["two"].name',
          '.status.stages["two"].state',
        ],
        'progress Apply/status': [
          '.status.progress.percent',
          '.status.stages["one"]',
          '.status.stages["one"].name',
          '.status.stages["one"].percent',
        ],
      });
    });

    it('removes what its manager leaves out, unless it is somebody else’s too', () => {
      const server = made();
      apply(server, 'main', { phase: 'Busy', message: 'soon', stages: [{ name: 'one', state: 'x' }, { name: 'two' }] });
      apply(server, 'progress', { message: 'soon', stages: [{ name: 'one', percent: 20 }] });
      expect(apply(server, 'main', { phase: 'Done' }).status).toEqual({
        phase: 'Done',
        message: 'soon',
        stages: [{ name: 'one', percent: 20 }],
      });
      expect(apply(server, 'progress', {}).status).toEqual({ phase: 'Done' });
    });

    it('refuses to change what is somebody else’s, unless it is forced to', () => {
      const server = made();
      apply(server, 'main', { phase: 'Busy', message: 'soon' });
      apply(server, 'other', { phase: 'Busy' });
      const change = () => apply(server, 'other', { phase: 'Done' });
      expect(change).toThrow(refusal('Conflict', 'conflict with "main Apply/status": .status.phase'));
      try {
        change();
      } catch (error) {
        expect((error as KubeApiError).details?.causes).toEqual([
          { reason: 'FieldManagerConflict', message: 'conflict with "main Apply/status"', field: '.status.phase' },
        ]);
      }
      expect(apply(server, 'other', { phase: 'Done' }, true).status).toEqual({ phase: 'Done', message: 'soon' });
      expect(server.ownersOf(Things, ref('a'))).toEqual({
        'main Apply/status': ['.status.message'],
        'other Apply/status': ['.status.phase'],
      });
      expect(apply(server, 'main', { message: 'soon' }).status).toEqual({ phase: 'Done', message: 'soon' });
    });

    it('finds a field that was updated since to be the updater’s', () => {
      const server = made();
      apply(server, 'main', { phase: 'Busy', message: 'soon' });
      const body = { status: { phase: 'Edited', message: null } };
      server.patch(Things, ref('a'), { type: 'merge', body }, { fieldManager: 'kubectl', subresource: 'status' });
      expect(server.ownersOf(Things, ref('a'))).toEqual({ 'kubectl Update/status': ['.status.phase'] });
      expect(() => apply(server, 'main', { phase: 'Busy' })).toThrow(refusal('Conflict', 'kubectl'));
    });

    it('owns the fields of the object by the same rules, and sets by their items', () => {
      const server = aServer();
      const thing = (metadata: object, spec: Thing['spec']) => aThing('a', { metadata, spec });
      server.apply(Things, thing({ labels: { a: '1', b: '1' }, finalizers: ['x'] }, { size: 2, tags: ['t'] }), {
        fieldManager: 'm',
      });
      server.apply(Things, thing({ finalizers: ['y'] }, {}), { fieldManager: 'n' });
      const after = server.apply(Things, thing({ labels: { a: '2' } }, { size: 2, tags: ['u', 'v'] }), {
        fieldManager: 'm',
      });
      expect(after).toMatchObject({
        metadata: { labels: { a: '2' }, finalizers: ['y'], generation: 2 },
        spec: { size: 2, tags: ['u', 'v'] },
      });
    });

    it('writes nothing when nothing changes', () => {
      const server = made();
      const first = apply(server, 'main', { phase: 'Busy', stages: [{ name: 'one', percent: 1 }] });
      expect(apply(server, 'main', { phase: 'Busy', stages: [{ name: 'one', percent: 1 }] })).toBe(first);
    });

    it('keeps what was defaulted', () => {
      const server = aServer();
      server.apply(Things, aThing('a', { spec: { tags: ['x'] } }), { fieldManager: 'm' });
      const after = server.apply(Things, aThing('a', { spec: { size: 3 } }), { fieldManager: 'm' });
      expect(after.spec).toEqual({ size: 3 });
      const { spec } = server.apply(Things, aThing('a', { spec: { tags: [] } }), { fieldManager: 'm' });
      expect(spec).toEqual({ size: 1, tags: [] });
    });

    it('refuses an object that it is to make empty, as a real server does', () => {
      const server = made();
      apply(server, 'main', { progress: { percent: 1 } });
      expect(() => apply(server, 'main', { progress: {} })).toThrow(refusal('Invalid', '.status.progress'));
    });

    it('has no status where there is none', () => {
      const server = aServer();
      expect(() =>
        server.apply(
          Leases,
          { apiVersion: 'x', kind: 'Lease', metadata: ref('a') },
          { fieldManager: 'm', subresource: 'status' },
        ),
      ).toThrow(refusal('NotFound'));
    });
  });
});
