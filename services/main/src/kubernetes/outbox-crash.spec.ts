import { expect, it } from 'vitest';
import { type ClusterMain, ClusterWorld, request } from '../../test/kubernetes/cluster-world.js';

type Fate = 'die-before' | 'die-after';

/** Kills a main at its n-th write, on the disk or at the API server; counts how many there are. */
function diesAt(main: ClusterMain, n: number, fate: Fate): { readonly writes: number } {
  const seen = { writes: 0 };
  main.effect = () => {
    seen.writes++;
    return seen.writes === n ? fate : 'go-on';
  };
  return seen;
}

/** The sender of a request whose answer never came sends it again. */
async function sendUntilAnswered(world: ClusterWorld, first: ClusterMain): Promise<ClusterMain> {
  let main = first;
  for (;;) {
    let answered = false;
    void main.service.create(request()).then(() => {
      answered = true;
    });
    await world.world.simulation.run(() => answered, 20_000).catch(() => undefined);
    if (answered) return main;
    main = world.start();
    await world.until(() => main.cluster.outbox.loaded);
  }
}

/** A job is sent while the cluster is away, which then comes back; main dies at one of its writes and is started again. */
async function life(n: number, fate: Fate): Promise<{ world: ClusterWorld; writes: number }> {
  const world = new ClusterWorld();
  const first = world.start();
  await world.until(() => first.cluster.view.synced);
  world.goAway();
  const seen = diesAt(first, n, fate);
  const main = await sendUntilAnswered(world, first);
  world.comeBack();
  await world.pass(30_000);
  const last = main === first ? world.start() : main;
  await world.until(() => last.cluster.view.synced && last.cluster.outbox.size === 0);
  await world.pass(120_000);
  return { world, writes: seen.writes };
}

it('a job is made once, whichever of its writes main dies at', async () => {
  const { writes } = await life(Number.POSITIVE_INFINITY, 'die-before');
  // Kept, made, removed from the outbox.
  expect(writes).toBeGreaterThanOrEqual(3);
  for (let n = 1; n <= writes; n++) {
    for (const fate of ['die-before', 'die-after'] as const) {
      const { world } = await life(n, fate);
      expect([n, fate, world.jobs().length, world.disk.entries.size]).toEqual([n, fate, 1, 0]);
    }
  }
});

it('a job that is discarded while it waits is gone in the end, whichever write main dies at', async () => {
  const discarded = async (n: number, fate: Fate) => {
    const world = new ClusterWorld();
    const first = world.start();
    await world.until(() => first.cluster.view.synced);
    world.goAway();
    const { uid } = (await first.create()).job.metadata;
    world.comeBack();
    // In the middle of being made.
    await world.until(() =>
      first.process.api.calls.some((call) => call.verb === 'create' && call.appliedAt !== undefined),
    );
    const seen = diesAt(first, n, fate);
    let gone = false;
    void first.service.delete(uid).then(() => {
      gone = true;
    });
    await world.pass(30_000);
    const next = world.start();
    await world.until(() => next.cluster.view.synced && next.cluster.outbox.loaded);
    // Whoever got no answer asks again.
    if (!gone) await next.do((service) => service.delete(uid)).catch(() => undefined);
    await world.pass(180_000);
    return { world, writes: seen.writes };
  };
  const { writes } = await discarded(Number.POSITIVE_INFINITY, 'die-before');
  expect(writes).toBeGreaterThanOrEqual(3);
  for (let n = 1; n <= writes; n++) {
    for (const fate of ['die-before', 'die-after'] as const) {
      const { world } = await discarded(n, fate);
      expect([n, fate, world.jobs(), world.disk.entries.size, world.disk.discarded.size]).toEqual([n, fate, [], 0, 0]);
    }
  }
});
