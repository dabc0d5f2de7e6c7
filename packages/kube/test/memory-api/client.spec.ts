import * as published from '@mediajob/kube';
import { describe, expect, it } from 'vitest';
import type { WatchEvent } from '../../src/api.js';
import { KubeApiError } from '../../src/error.js';
import { lostAfter, lostBefore, type MemoryClient, unanswered } from './client.js';
import { unreachable } from './errors.js';
import { inOrder } from './simulation.js';
import { aThing, ref, type Thing, Things } from './things.js';
import { World } from './world.js';

function aWorld() {
  const world = new World({ choose: inOrder });
  const { simulation, server } = world;
  server.register(Things, { status: true, selectable: ['status.phase'] });
  const process = world.process('p');
  const { api } = process;
  /** What a call comes to, once all steps are done. */
  const outcome = async (call: Promise<unknown>) => {
    const settled = call.then(
      (value) => ({ value }),
      (error: KubeApiError) => ({ error: error.reason }),
    );
    await simulation.run();
    return Promise.race([settled, Promise.resolve('nothing')]);
  };
  return { world, simulation, server, process, api, outcome };
}

/** Reads a watch into a list of `TYPE name`. */
function reading(api: MemoryClient, version: string, options: object = {}) {
  const abort = new AbortController();
  const seen: string[] = [];
  const show = (event: WatchEvent<Thing>) =>
    event.type === 'BOOKMARK' ? `BOOKMARK ${event.resourceVersion}` : `${event.type} ${event.object.metadata.name}`;
  const read = async () => {
    for await (const event of api.watch(Things, { resourceVersion: version, signal: abort.signal, ...options })) {
      seen.push(show(event));
    }
    seen.push('end');
  };
  const done = read().catch((error: KubeApiError) => seen.push(error.reason));
  return { abort, seen, done };
}

describe('a client of the server in memory', () => {
  it('throws the very errors that the package tells apart', () => {
    expect(published.KubeApiError).toBe(KubeApiError);
  });

  it('does each verb by a step to the server and one back', async () => {
    const { simulation, server, api, outcome } = aWorld();
    server.answer('/reviews', () => ({ ok: true }));
    const made = await outcome(api.create(Things, aThing('a')));
    const thing = server.get(Things, ref('a'));
    expect(made).toEqual({ value: thing });
    expect(await outcome(api.get(Things, ref('a')))).toEqual({ value: thing });
    expect(await outcome(api.list(Things, { namespace: 'ns' }))).toMatchObject({ value: { items: [thing] } });
    await outcome(api.patch(Things, ref('a'), { type: 'merge', body: { spec: { size: 2 } } }));
    await outcome(
      api.apply(Things, { ...aThing('a'), status: { phase: 'x' } }, { fieldManager: 'm', subresource: 'status' }),
    );
    const before = server.get(Things, ref('a'));
    await outcome(api.replace(Things, { ...before, spec: { size: 3 } }));
    expect(server.get(Things, ref('a'))).toMatchObject({ spec: { size: 3 }, status: { phase: 'x' } });
    expect(await outcome(api.post('/reviews', {}))).toEqual({ value: { ok: true } });
    await outcome(api.delete(Things, ref('a'), { propagationPolicy: 'Background' }));
    expect(await outcome(api.get(Things, ref('a')))).toEqual({ error: 'NotFound' });
    expect(simulation.trace.slice(0, 2)).toEqual([
      '0 ms server: p create things ns/a',
      '0 ms p: answer to create things ns/a',
    ]);
    expect(simulation.trace.at(-1)).toBe('0 ms p: answer to get things ns/a (NotFound)');
    expect(api.calls.map((it) => it.verb)).toEqual([
      'create',
      'get',
      'list',
      'patch',
      'apply',
      'replace',
      'post',
      'delete',
      'get',
    ]);
    expect(api.writes.map((it) => `${it.verb} ${it.key} ${it.fieldManager ?? '-'} ${it.subresource ?? '-'}`)).toEqual([
      'create ns/a - -',
      'patch ns/a - -',
      'apply ns/a m status',
      'replace ns/a - -',
      'delete ns/a - -',
    ]);
    expect(server.find(Things, ref('a'))).toBeUndefined();
  });

  it('sends things as they are when it is asked, whatever becomes of them later', async () => {
    const { simulation, server, api } = aWorld();
    const draft = { ...aThing('a'), spec: { size: 1 } };
    void api.create(Things, draft);
    draft.spec.size = 2;
    await simulation.run();
    expect(server.get(Things, ref('a')).spec).toEqual({ size: 1 });
  });

  it('may find that somebody else was faster', async () => {
    const { world, simulation, outcome, api } = aWorld();
    const other = world.process('q').api;
    const slow = outcome(api.create(Things, aThing('a')));
    simulation.choose = (steps) =>
      Math.max(
        0,
        steps.findIndex((it) => it.label.startsWith('q ')),
      );
    void other.create(Things, aThing('a'));
    expect(await slow).toEqual({ error: 'AlreadyExists' });
  });

  describe('when something goes wrong', () => {
    const cases = {
      'a call is lost on its way': { fault: lostBefore, want: { error: 'Unreachable' }, there: false },
      'an answer is lost': { fault: lostAfter, want: { error: 'Unreachable' }, there: true },
      'nothing is ever answered': { fault: unanswered, want: { error: 'Timeout' }, there: true },
      'nothing ever arrives': { fault: { applied: false }, want: { error: 'Timeout' }, there: false },
    };
    it.each(Object.entries(cases))('%s', async (_, { fault, want, there }) => {
      const { server, api, outcome } = aWorld();
      api.faults = (call) => (call.isWrite ? fault : undefined);
      expect(await outcome(api.create(Things, aThing('a')))).toEqual(want);
      expect(server.find(Things, ref('a')) !== undefined).toBe(there);
      expect(api.writes).toHaveLength(there ? 1 : 0);
    });

    it('a call waits no longer than it may', async () => {
      const { simulation, api, outcome } = aWorld();
      api.faults = () => unanswered;
      const start = simulation.now;
      expect(await outcome(api.get(Things, ref('a'), { timeoutMs: 300 }))).toEqual({ error: 'Timeout' });
      expect(simulation.now - start).toBe(300);
    });

    it('a call that is aborted never arrives, unless it is said that it does', async () => {
      for (const arrives of [false, true]) {
        const { simulation, server, api } = aWorld();
        api.abortedArrive = () => arrives;
        const abort = new AbortController();
        const call = api.create(Things, aThing('a'), { signal: abort.signal });
        abort.abort();
        await expect(call).rejects.toMatchObject({ reason: 'Aborted' });
        await simulation.run();
        expect(server.find(Things, ref('a')) !== undefined).toBe(arrives);
      }
    });

    it('a call whose signal is aborted already is not even made', async () => {
      const { api } = aWorld();
      const signal = AbortSignal.abort();
      await expect(api.create(Things, aThing('a'), { signal })).rejects.toMatchObject({ reason: 'Aborted' });
      expect(api.calls).toEqual([]);
    });

    it('a process is killed, what it sent arrives, and it hears of nothing', async () => {
      const { world, simulation, server, process, api, outcome } = aWorld();
      const call = api.create(Things, aThing('a'));
      world.kill(process);
      expect(await outcome(call)).toBe('nothing');
      expect(await outcome(api.create(Things, aThing('b')))).toBe('nothing');
      expect(server.all(Things).map((it) => it.metadata.name)).toEqual(['a']);
      expect(simulation.pending).toBe(0);
    });
  });

  describe('a watch', () => {
    it('tells what happened since, and what happens, in that order', async () => {
      const { simulation, server, api } = aWorld();
      const { version } = server;
      server.create(Things, aThing('a'));
      const watch = reading(api, version);
      await simulation.run();
      server.patch(Things, ref('a'), { type: 'merge', body: { spec: { size: 2 } } });
      server.delete(Things, ref('a'), { propagationPolicy: 'Background' });
      api.sendBookmarks();
      await simulation.run();
      expect(watch.seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', `BOOKMARK ${server.version}`]);
      expect(api.watches(Things)).toBe(1);
      watch.abort.abort();
      await watch.done;
      expect(watch.seen.at(-1)).toBe('Aborted');
      expect(api.watches()).toBe(0);
    });

    it('of a selection sees objects come into it and go out of it', async () => {
      const { simulation, server, api } = aWorld();
      const watch = reading(api, server.version, { fieldSelector: 'status.phase=Busy', namespace: 'ns' });
      await simulation.run();
      const phase = (status: Thing['status']) =>
        server.update(Things, ref('a'), (it) => ({ ...it, ...(status === undefined ? {} : { status }) }), {
          subresource: 'status',
        });
      server.create(Things, aThing('a'));
      phase({ phase: 'Busy' });
      phase({ phase: 'Busy', message: 'x' });
      phase({ phase: 'Done' });
      phase({ phase: 'Busy' });
      server.delete(Things, ref('a'), { propagationPolicy: 'Background' });
      await simulation.run();
      expect(watch.seen).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a', 'DELETED a']);
    });

    it('from before a compaction is expired', async () => {
      const { simulation, server, api } = aWorld();
      const { version } = server;
      server.create(Things, aThing('a'));
      server.compact();
      const old = reading(api, version);
      const fresh = reading(api, server.version);
      await simulation.run();
      expect([old.seen, fresh.seen]).toEqual([['Expired'], []]);
    });

    it('may lag behind for as long as one likes', async () => {
      const { world, simulation, server, api } = aWorld();
      const other = world.process('q').api;
      const held = reading(api, server.version);
      const prompt = reading(other, server.version);
      await simulation.run();
      api.holdWatches(Things);
      server.create(Things, aThing('a'));
      const later = reading(api, '0');
      await simulation.run();
      expect([held.seen, later.seen, prompt.seen]).toEqual([[], [], ['ADDED a']]);
      expect(api.lag).toBe(2);
      api.releaseWatches();
      await simulation.run();
      expect([held.seen, later.seen, api.lag]).toEqual([['ADDED a'], ['ADDED a'], 0]);
    });

    it('that is cut loses what is on its way', async () => {
      const { simulation, server, api } = aWorld();
      const watches = [reading(api, server.version), reading(api, server.version)];
      await simulation.run();
      server.create(Things, aThing('a'));
      api.cutWatches(Things);
      await simulation.run();
      expect(watches.map((it) => it.seen)).toEqual([['end'], ['end']]);
      const broken = reading(api, server.version);
      await simulation.run();
      api.cutWatches(undefined, unreachable());
      server.create(Things, aThing('b'));
      await simulation.run();
      expect(broken.seen).toEqual(['Unreachable']);
    });

    it('ends at its time', async () => {
      const { simulation, server, api } = aWorld();
      const start = simulation.now;
      const watch = reading(api, server.version, { timeoutSeconds: 60 });
      await simulation.run();
      expect([watch.seen, simulation.now - start]).toEqual([['end'], 60_000]);
    });

    it('that is given up before it began leaves nothing behind', async () => {
      const { simulation, server, api } = aWorld();
      api.abortedArrive = () => true;
      const watch = reading(api, server.version);
      watch.abort.abort();
      await watch.done;
      await simulation.run();
      server.create(Things, aThing('a'));
      expect([watch.seen, api.watches(), simulation.pending]).toEqual([['Aborted'], 0, 0]);
    });
  });
});
