import { describe, expect, it } from 'vitest';
import { inOrder, World } from '../test/memory-api/index.js';
import { aThing, ref, type Thing, Things } from '../test/memory-api/things.js';
import { Nodes } from './kinds/core.js';
import { StatusWriter, type StatusWriterOptions } from './status.js';

const listKeys = { 'status.stages': ['name'] };

/** Main writes all but progress and percents; the progress writer these. */
const own = {
  main: ({ progress: _, stages, ...status }: NonNullable<Thing['status']>) => ({
    ...status,
    ...(stages === undefined ? {} : { stages: stages.map(({ percent: __, ...stage }) => stage) }),
  }),
  progress: ({ progress, stages }: NonNullable<Thing['status']>) => ({
    ...(progress === undefined ? {} : { progress }),
    stages: stages?.filter((it) => it.percent !== undefined).map(({ name, percent }) => ({ name, percent })) ?? [],
  }),
};

function aThingWithStatus() {
  const world = new World({ choose: inOrder });
  world.server.register(Things, { status: true, listKeys });
  world.server.create(Things, aThing('a'));
  const { api } = world.process('p');
  const writer = (fieldManager: keyof typeof own, options: Partial<StatusWriterOptions<Thing>> = {}) => {
    const made = new StatusWriter({ api, kind: Things, fieldManager, own: own[fieldManager], listKeys, ...options });
    return async (status: object, observed = world.server.get(Things, ref('a')), signal?: AbortSignal) => {
      const written = made.apply(observed, status, signal);
      written.catch(() => {});
      await world.simulation.run();
      return written;
    };
  };
  const now = () => world.server.get(Things, ref('a'));
  return { world, api, main: writer('main'), progress: writer('progress'), writer, now };
}

describe('a writer of a status', () => {
  it('applies its part, and returns the object as it is then', async () => {
    const { api, main, now } = aThingWithStatus();
    const { resourceVersion } = now().metadata;
    const { object, written } = await main({ phase: 'Busy', stages: [{ name: 'one', state: 'Running' }] });
    expect(written).toBe(true);
    expect(object).toEqual(now());
    expect(object.status).toEqual({ phase: 'Busy', stages: [{ name: 'one', state: 'Running' }] });
    expect(api.calls).toMatchObject([{ verb: 'apply', subresource: 'status', fieldManager: 'main' }]);
    expect(api.calls[0]?.body).toEqual({
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      metadata: { namespace: 'ns', name: 'a', resourceVersion },
      status: { phase: 'Busy', stages: [{ name: 'one', state: 'Running' }] },
    });
  });

  it('writes nothing when its part is so already, whatever others have written', async () => {
    const { api, main, progress, now } = aThingWithStatus();
    const status = { phase: 'Busy', stages: [{ name: 'one', state: 'Running' }, { name: 'two' }] };
    const live = { progress: { percent: 10 }, stages: [{ name: 'two', percent: 5 }] };
    await main(status);
    await progress(live);
    expect(api.calls).toHaveLength(2);
    const before = now();
    expect(await main(status)).toEqual({ object: before, written: false });
    expect(await main({ ...status, stages: [...status.stages].reverse(), message: undefined })).toMatchObject({
      written: false,
    });
    expect(await progress(live)).toMatchObject({ written: false });
    expect(api.calls).toHaveLength(2);
  });

  it('writes nothing when there is nothing to write, and there is nothing', async () => {
    const { api, main } = aThingWithStatus();
    expect((await main({})).written).toBe(false);
    expect(api.calls).toEqual([]);
  });

  it('takes back what it leaves out, and only that', async () => {
    const { main, progress } = aThingWithStatus();
    await main({ phase: 'Busy', message: 'soon', stages: [{ name: 'one' }, { name: 'two' }] });
    await progress({ progress: { percent: 10 }, stages: [{ name: 'one', percent: 50 }] });
    const { object, written } = await main({ phase: 'Done', stages: [{ name: 'one' }] });
    expect(written).toBe(true);
    expect(object.status).toEqual({
      phase: 'Done',
      progress: { percent: 10 },
      stages: [{ name: 'one', percent: 50 }],
    });
  });

  it('takes its fields over from whoever else wrote them, unless it is told not to', async () => {
    const { world, main, writer, now } = aThingWithStatus();
    const body = { status: { phase: 'Edited' } };
    world.server.patch(Things, ref('a'), { type: 'merge', body }, { fieldManager: 'kubectl', subresource: 'status' });
    await expect(writer('main', { force: false })({ phase: 'Busy' })).rejects.toMatchObject({ reason: 'Conflict' });
    await main({ phase: 'Busy' });
    expect(now().status).toEqual({ phase: 'Busy' });
    expect(world.server.ownersOf(Things, ref('a'))['main Apply/status']).toEqual(['.status.phase']);
    expect(world.server.ownersOf(Things, ref('a'))['kubectl Update/status']).not.toContain('.status.phase');
  });

  it('compares with the whole status when all of it is its own', async () => {
    const { api, main, writer } = aThingWithStatus();
    await main({ phase: 'Busy' });
    const alone = writer('main', { own: undefined });
    expect((await alone({ phase: 'Busy' })).written).toBe(false);
    expect((await alone({ phase: 'Done' })).written).toBe(true);
    expect(api.calls).toHaveLength(2);
  });

  it('writes nothing that was decided on an older version', async () => {
    const { world, main, progress, now } = aThingWithStatus();
    const old = now();
    await progress({ progress: { percent: 10 } });
    await expect(main({ phase: 'Busy' }, old)).rejects.toMatchObject({ reason: 'Conflict' });
    world.server.patch(Things, ref('a'), { type: 'merge', body: { spec: { size: 7 } } });
    await expect(main({ phase: 'Busy' }, old)).rejects.toMatchObject({ reason: 'Conflict' });
    expect((await main({ phase: 'Busy' })).written).toBe(true);
  });

  it('never writes to another object of the same name', async () => {
    const { world, main, now } = aThingWithStatus();
    const old = now();
    world.server.delete(Things, ref('a'), { propagationPolicy: 'Background' });
    await expect(main({ phase: 'Busy' }, old)).rejects.toMatchObject({ reason: 'NotFound' });
    world.server.create(Things, aThing('a'));
    await expect(main({ phase: 'Busy' }, old)).rejects.toMatchObject({ reason: 'Conflict' });
    expect(now().status).toBeUndefined();
  });

  it('writes to objects of the whole cluster too', async () => {
    const { world, api } = aThingWithStatus();
    const node = world.server.create(Nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
    const written = new StatusWriter({ api, kind: Nodes, fieldManager: 'm' }).apply(node, { phase: 'Busy' });
    await world.simulation.run();
    expect((await written).object).toMatchObject({ metadata: { name: 'n' }, status: { phase: 'Busy' } });
  });

  it('heeds its signal', async () => {
    const { main, now } = aThingWithStatus();
    await expect(main({ phase: 'Busy' }, now(), AbortSignal.abort())).rejects.toMatchObject({ reason: 'Aborted' });
  });
});
