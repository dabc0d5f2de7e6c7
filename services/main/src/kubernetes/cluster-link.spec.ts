import { describe, expect, it } from 'vitest';
import { refused, unanswered } from '../../../../packages/kube/test/memory-api/index.js';
import { ClusterWorld, request } from '../../test/kubernetes/cluster-world.js';
import { clusterCheck, clusterStatus } from './cluster-health.js';

async function aLink() {
  const world = new ClusterWorld();
  const main = world.start();
  await world.until(() => main.cluster.view.synced && main.cluster.link.state.state === 'up');
  const state = () => main.cluster.link.state.state;
  const health = () => clusterCheck(main.cluster).check(AbortSignal.any([]));
  return { world, main, state, health };
}
const away = (status: number, reason: string) => () => ({ applied: false, answer: refused(status, reason, 'no') });

describe('the link to the cluster', () => {
  it('is up while it answers', async () => {
    const { main, health } = await aLink();
    expect(clusterStatus(main.cluster)).toMatchObject({ namespace: 'media', state: 'up', queued: 0 });
    expect(await health()).toMatchObject({ status: 'up', data: { synced: true } });
  });

  it.each<[string, () => ReturnType<ClusterWorld['faults']>, string, RegExp]>([
    ['is not there', away(0, 'Unreachable'), 'down', /cannot be reached/],
    ['does not answer in time', () => unanswered, 'down', /did not answer in time/],
    ['is behind a proxy that answers for it', away(503, 'ServiceUnavailable'), 'down', /errors \(503 /],
    ['does not know us any more', away(401, 'Unauthorized'), 'down', /does not accept the credentials/],
    ['does not let us look', away(403, 'Forbidden'), 'degraded', /does not let this service see .* namespace media/],
    ['knows no MediaJobs', away(404, 'NotFound'), 'degraded', /Install their CustomResourceDefinition/],
  ])('says so when the API server %s, once, and when that is over', async (_, fault, want, why) => {
    const { world, main, state, health } = await aLink();
    main.events.splice(0);
    world.faults = fault;
    await world.until(() => state() === want);
    await world.pass(60_000);
    expect(main.told('system')).toHaveLength(1);
    expect(clusterStatus(main.cluster).detail).toMatch(why);
    expect(await health()).toMatchObject({ status: want, message: expect.stringMatching(why) });
    world.comeBack();
    await world.until(() => state() === 'up');
    expect(main.told('system')).toHaveLength(2);
  });

  it('is known to be up by the first call that is answered, and not thereby allowed what it is refused', async () => {
    const { world, main, state } = await aLink();
    world.goAway();
    await world.until(() => state() === 'down');
    world.comeBack();
    await world.settle(main.cluster.jobs.submit({ name: 'talk', named: true, annotations: {}, spec: request().spec }));
    // It was kept without being asked; what is made of it is the first that is answered.
    await world.until(() => state() === 'up' && world.jobs().length === 1);
    world.faults = away(403, 'Forbidden');
    await world.until(() => state() === 'degraded');
    await main.do((service) => service.cancel(main.listed()[0]?.metadata.uid ?? '')).catch(() => undefined);
    expect(state()).toBe('degraded');
  });

  it('does not take one refused call for an absence', async () => {
    const { world, main, state } = await aLink();
    world.world.server.admit = ({ operation }) =>
      operation === 'create' ? refused(500, 'InternalError', 'x') : undefined;
    expect((await main.create()).queued).toBe(true);
    expect(state()).toBe('up');
    world.world.server.admit = () => undefined;
    await world.until(() => world.jobs().length === 1);
  });
});
