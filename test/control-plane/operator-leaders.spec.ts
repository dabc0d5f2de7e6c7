import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aMediaJob } from '../../operator/test/builders.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/until.ts';
import { aGate, QUICK_LEASE, Stage, startAuditedCluster, UNDISTURBED } from './operator-life.ts';
import type { Replica, ReplicaOptions } from './operator-replica.ts';

/** Whoever waits for this Lease to run out never sees the end of the test. */
const PATIENT = { leaseDurationMs: 3_600_000, renewDeadlineMs: 1_800_000, retryPeriodMs: 300 };

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startAuditedCluster();
});
afterAll(() => controlPlane?.stop());

/** The first leads, the second waits. */
async function two(stage: Stage, one: ReplicaOptions, other: ReplicaOptions = one): Promise<[Replica, Replica]> {
  const first = await stage.replica('first', one);
  await until('the first one leads', () => first.operator.manager.leading);
  const second = await stage.replica('second', other);
  await until('the second one is ready', () => second.operator.manager.ready);
  expect(second.operator.manager.leading).toBe(false);
  return [first, second];
}

/** What a replica wrote after another one had got the Lease, by the API server's clock. */
async function lateWrites(stage: Stage, { user }: Replica, since: string): Promise<string[]> {
  const writes = (await stage.writes()).filter(({ user: by }) => by.username === user);
  expect(writes.length).toBeGreaterThan(3);
  return writes
    .filter(({ requestReceivedTimestamp }) => requestReceivedTimestamp > since)
    .map(({ verb, requestURI, requestReceivedTimestamp }) => `${requestReceivedTimestamp} ${verb} ${requestURI}`);
}

describe.concurrent('two operators', () => {
  it('the other takes over when the leader stops, and does not wait for the Lease to run out', async (context) => {
    const gate = aGate();
    const stage = await Stage.open(controlPlane, context, gate.fates);
    const [first, second] = await two(stage, { lease: PATIENT });
    await stage.world.apply();
    await stage.world.reachPhase('Converting');
    expect(second.writes).toBe(0);
    expect(await first.operator.stop()).toBe('stopped');
    await until('the second one leads', () => second.operator.manager.leading);
    gate.open();
    expect(await stage.rest()).toEqual(UNDISTURBED);
  });

  it('the other takes over when the leader dies, as soon as the Lease has run out', async (context) => {
    const gate = aGate();
    const stage = await Stage.open(controlPlane, context, gate.fates);
    const [first, second] = await two(stage, { lease: QUICK_LEASE });
    await stage.world.apply();
    await stage.world.reachPhase('Converting');
    first.die();
    gate.open();
    expect(await stage.rest()).toEqual(UNDISTURBED);
    expect(second.operator.manager.leading).toBe(true);
    expect(await first.operator.ended).toBe('lost');
  });

  it('a leader that is cut off while it writes never writes again: what it was about to send is not sent late', async (context) => {
    const stage = await Stage.open(controlPlane, context);
    const [first, second] = await two(stage, { lease: QUICK_LEASE });
    // With the Job of the transcription under way everything stands still, renewals of the Lease too.
    const frozen = Promise.withResolvers<{ release(): void }>();
    const job = first.proxy.on(
      { verb: 'create', resource: 'jobs' },
      { kind: 'hold' },
      { skip: 1, onHit: () => frozen.resolve(first.freeze()) },
    );
    const living = stage.life();
    const wire = await frozen.promise;
    const since = await stage.ledSince(second);
    expect(await first.operator.ended).toBe('lost');
    expect(job.hits).toBe(1);
    job.release();
    wire.release();
    expect(await living).toEqual(UNDISTURBED);
    expect(await lateWrites(stage, first, since)).toEqual([]);
  });

  it('a leader that cannot renew the Lease, but can do all else, stops before the other begins', async (context) => {
    const gate = aGate();
    const stage = await Stage.open(controlPlane, context, gate.fates);
    const [first, second] = await two(stage, { lease: QUICK_LEASE });
    const others = Array.from({ length: 5 }, (_, index) => `other-${index}`);
    await stage.world.apply();
    for (const name of others) await stage.world.apply(aMediaJob(), name);
    await stage.world.reachPhase('Converting');
    first.proxy.on({ resource: 'leases' }, { kind: 'drop-request' }, { times: Number.POSITIVE_INFINITY });
    // Until its very end there is something to do.
    let turn = 0;
    const busy = until('the first one has lost', async () => {
      await stage.world.patch(
        { metadata: { annotations: { turn: String(++turn) } }, spec: { suspend: turn % 2 === 0 } },
        'other-0',
      );
      return !first.operator.manager.leading;
    });
    const since = await stage.ledSince(second);
    await busy;
    expect(await first.operator.ended).toBe('lost');
    await stage.world.patch({ spec: { suspend: false } }, 'other-0');
    gate.open();
    for (const name of others) await stage.world.reachPhase('Succeeded', name);
    expect((await stage.world.reachPhase('Succeeded')).attempts).toEqual([]);
    expect(await lateWrites(stage, first, since)).toEqual([]);
  });

  it.for([
    ['an hour behind', -3_600_000, 3_600_000],
    ['an hour ahead', 3_600_000, -3_600_000],
  ] as const)('clocks that differ matter to nobody: the leader’s is %s', async ([, one, other], context) => {
    const gate = aGate();
    const stage = await Stage.open(controlPlane, context, gate.fates);
    const [first, second] = await two(
      stage,
      { lease: QUICK_LEASE, skewMs: one },
      { lease: QUICK_LEASE, skewMs: other },
    );
    await stage.world.apply();
    await stage.world.reachPhase('Converting');
    const renewals = () => first.proxy.countByVerb('leases').update ?? 0;
    const before = renewals();
    await until('the Lease was renewed many times', () => renewals() > before + 10);
    expect(await stage.holder()).toBe('first');
    expect(second.writes).toBe(0);
    first.die();
    gate.open();
    expect(await stage.rest()).toEqual(UNDISTURBED);
  });
});
