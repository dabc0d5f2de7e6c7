import { describe, expect, it } from 'vitest';
import { World } from '../test/memory-api/index.js';
import { fenced } from './fence.js';
import { ConfigMaps } from './kinds/core.js';
import { LeadershipEndedError } from './leadership.js';

const ref = { namespace: 'ns', name: 'a' };
const draft = { apiVersion: 'v1', kind: 'ConfigMap', metadata: ref };

function aFence() {
  const world = new World();
  world.server.answer('/reviews', (body) => body);
  const map = world.server.create(ConfigMaps, draft);
  const { api } = world.process('p');
  const abort = new AbortController();
  let holds = true;
  const api2 = fenced(api, { signal: abort.signal, holds: () => holds });
  const signal = (own: AbortSignal | undefined) => (own === undefined ? {} : { signal: own });
  const writes: Record<string, (own?: AbortSignal) => Promise<unknown>> = {
    create: (own) => api2.create(ConfigMaps, { ...draft, metadata: { ...ref, name: 'b' } }, signal(own)),
    replace: (own) => api2.replace(ConfigMaps, { ...map, data: { a: '1' } }, signal(own)),
    patch: (own) => api2.patch(ConfigMaps, ref, { type: 'merge', body: { data: { b: '1' } } }, signal(own)),
    apply: (own) => api2.apply(ConfigMaps, draft, { fieldManager: 'm', ...signal(own) }),
    post: (own) => api2.post('/reviews', {}, signal(own)),
    delete: (own) => api2.delete(ConfigMaps, ref, { propagationPolicy: 'Background', ...signal(own) }),
  };
  const end = () => {
    holds = false;
    abort.abort(new LeadershipEndedError('leadership-lost', 'late'));
  };
  /** The clock says that it is over, and no timer has been called. */
  const endByClock = () => {
    holds = false;
  };
  return { world, api, fencedApi: api2, writes, end, endByClock };
}

describe('the API behind a fence', () => {
  it('writes while leadership holds', async () => {
    const { world, api, writes } = aFence();
    for (const write of Object.values(writes)) {
      const done = write();
      await world.simulation.run();
      await done;
    }
    expect(api.calls.map((it) => it.verb)).toEqual(['create', 'replace', 'patch', 'apply', 'post', 'delete']);
    expect(world.server.all(ConfigMaps).map((it) => it.metadata.name)).toEqual(['b']);
  });

  it('sends nothing when the clock says that leadership is over', async () => {
    const { api, writes, endByClock } = aFence();
    endByClock();
    for (const write of Object.values(writes)) await expect(write()).rejects.toMatchObject({ reason: 'Aborted' });
    expect(api.calls).toEqual([]);
  });

  it('aborts what is under way when leadership ends', async () => {
    const { writes, end } = aFence();
    const underWay = Object.values(writes).map((write) => write());
    end();
    for (const it of underWay) {
      await expect(it).rejects.toMatchObject({ reason: 'Aborted', cause: { code: 'leadership-lost' } });
    }
  });

  it('heeds the signal of the call too', async () => {
    const { writes } = aFence();
    const abort = new AbortController();
    const underWay = Object.values(writes).map((write) => write(abort.signal));
    abort.abort();
    for (const it of underWay) await expect(it).rejects.toMatchObject({ reason: 'Aborted' });
  });

  it('lets reads pass after the end', async () => {
    const { world, fencedApi, end } = aFence();
    end();
    const reads = Promise.all([fencedApi.get(ConfigMaps, ref), fencedApi.list(ConfigMaps)]);
    const watch = fencedApi.watch(ConfigMaps, { resourceVersion: '0', signal: new AbortController().signal });
    const first = watch[Symbol.asyncIterator]().next();
    await world.simulation.run();
    expect(await reads).toHaveLength(2);
    expect((await first).value).toMatchObject({ type: 'ADDED' });
  });
});
