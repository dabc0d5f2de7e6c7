import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { inOrder, lostAfter, lostBefore, type ProcessOptions, unanswered, World } from '../test/memory-api/index.js';
import { metricValue } from '../test/metric-value.js';
import { RecordedLog } from '../test/recorded-log.js';
import { type ElectionOptions, LeaderElector } from './election.js';
import { Leases } from './kinds/lease.js';
import type { Leadership } from './leadership.js';

const lease = { namespace: 'system', name: 'operator' };
const MICRO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

function anElection() {
  const world = new World({ choose: inOrder });
  const { simulation, server } = world;
  const start = simulation.now;
  const candidate = (name: string, options: Partial<ElectionOptions> = {}, processOptions: ProcessOptions = {}) => {
    const log = new RecordedLog();
    const process = world.process(name, { log, ...processOptions });
    const registry = new Registry();
    const elector = new LeaderElector({
      api: process.api,
      environment: { ...process.environment, random: () => 0 },
      registry,
      lease,
      identity: name,
      annotations: { 'example.com/address': `${name}:8443` },
      ...options,
    });
    const stop = new AbortController();
    const state = {
      leadership: undefined as Leadership | undefined,
      since: Number.NaN,
      end: undefined as string | undefined,
      endedAt: Number.NaN,
      finish: () => {},
      fail: (_: Error) => {},
    };
    const running = elector
      .run(
        stop.signal,
        (leadership) =>
          new Promise((resolve, reject) => {
            state.leadership = leadership;
            state.since = simulation.now - start;
            state.finish = resolve;
            state.fail = reject;
            leadership.signal.addEventListener('abort', () => resolve());
          }),
      )
      .then(
        (end) => {
          state.end = end;
        },
        (error: Error) => {
          state.end = error.message;
        },
      )
      .finally(() => {
        state.endedAt = simulation.now - start;
      });
    const status = () => metricValue(registry, 'leader_election_master_status', { name: 'operator' });
    return { process, api: process.api, elector, stop, state, running, log, status };
  };
  const spec = () => server.find(Leases, lease)?.spec;
  const at = () => simulation.now - start;
  return { world, simulation, server, start, candidate, spec, at };
}

describe('an election', () => {
  it('makes the Lease, and lets its maker lead', async () => {
    const { simulation, server, candidate } = anElection();
    const a = candidate('a');
    await simulation.run(() => a.state.leadership !== undefined);
    const made = server.get(Leases, lease);
    expect(made.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: expect.stringMatching(MICRO),
      renewTime: expect.stringMatching(MICRO),
      leaseTransitions: 0,
    });
    expect(made.metadata.annotations).toEqual({ 'example.com/address': 'a:8443' });
    expect([a.elector.leadership?.holds(), await a.status()]).toEqual([true, 1]);
  });

  it('renews every two seconds by one call', async () => {
    const { simulation, server, candidate, spec, start } = anElection();
    const a = candidate('a');
    await simulation.run(() => a.state.leadership !== undefined);
    const first = spec();
    const before = a.api.calls.length;
    await simulation.runFor(20_100);
    expect(a.api.calls.slice(before).map((it) => it.verb)).toEqual(Array(10).fill('replace'));
    expect(spec()).toMatchObject({ acquireTime: first?.acquireTime, leaseTransitions: 0, holderIdentity: 'a' });
    expect(Date.parse(spec()?.renewTime as string) - start).toBe(20_000);
    expect(server.get(Leases, lease).metadata.annotations).toEqual({ 'example.com/address': 'a:8443' });
  });

  it('lets others wait, and tells them who leads', async () => {
    const { simulation, candidate } = anElection();
    const a = candidate('a');
    await simulation.run(() => a.state.leadership !== undefined);
    const b = candidate('b');
    expect(b.elector.holder).toBeUndefined();
    await simulation.runFor(60_000);
    expect(b.state.leadership).toBeUndefined();
    expect(b.elector.leadership).toBeUndefined();
    expect(b.elector.holder).toEqual({ identity: 'a', annotations: { 'example.com/address': 'a:8443' } });
    expect(await b.status()).toBe(0);
    b.stop.abort();
    await b.running;
    expect(b.state.end).toBe('stopped');
    expect(b.api.writes).toEqual([]);
  });

  it('lets somebody else lead when a leader died, after the duration of the Lease', async () => {
    const { world, simulation, server, candidate, at } = anElection();
    const a = candidate('a');
    const b = candidate('b');
    await simulation.run(() => a.state.leadership !== undefined);
    await simulation.runFor(10_000);
    const died = at();
    world.kill(a.process);
    await simulation.run(() => b.state.leadership !== undefined);
    expect(at() - died).toBeGreaterThanOrEqual(13_000);
    expect(at() - died).toBeLessThanOrEqual(19_000);
    expect(server.get(Leases, lease)).toMatchObject({
      metadata: { annotations: { 'example.com/address': 'b:8443' } },
      spec: { holderIdentity: 'b', leaseTransitions: 1 },
    });
  });

  it('knows no holder once the Lease has run out', async () => {
    const { world, simulation, candidate } = anElection();
    const a = candidate('a');
    await simulation.run(() => a.state.leadership !== undefined);
    const b = candidate('b');
    await simulation.runFor(3000);
    expect(b.elector.holder?.identity).toBe('a');
    world.kill(a.process);
    b.api.faults = () => lostBefore;
    await simulation.runFor(20_000);
    expect(b.elector.holder).toBeUndefined();
  });

  it('does not mind clocks that are years apart', async () => {
    const { world, simulation, candidate } = anElection();
    const a = candidate('a', {}, { offsetMs: -20 * 365 * 86_400_000 });
    await simulation.run(() => a.state.leadership !== undefined);
    const b = candidate('b', {}, { offsetMs: 20 * 365 * 86_400_000 });
    await simulation.runFor(60_000);
    expect(b.state.leadership).toBeUndefined();
    world.kill(a.process);
    await simulation.runFor(20_000);
    expect(b.state.leadership?.holds()).toBe(true);
  });

  it('leaves a Lease alone for as long as its holder said', async () => {
    const { world, simulation, candidate } = anElection();
    const a = candidate('a', { leaseDurationMs: 60_000 });
    await simulation.run(() => a.state.leadership !== undefined);
    const b = candidate('b');
    await simulation.runFor(3000);
    world.kill(a.process);
    await simulation.runFor(55_000);
    expect(b.state.leadership).toBeUndefined();
    await simulation.runFor(10_000);
    expect(b.state.leadership?.holds()).toBe(true);
  });

  it('waits for its own duration when the holder said none', async () => {
    const { simulation, server, candidate, at } = anElection();
    const { apiVersion, kind } = Leases;
    server.create(Leases, { apiVersion, kind, metadata: lease, spec: { holderIdentity: 'by hand' } });
    const a = candidate('a');
    await simulation.run(() => a.state.leadership !== undefined);
    expect(at()).toBeGreaterThanOrEqual(15_000);
    expect(at()).toBeLessThanOrEqual(17_000);
  });

  it('takes a Lease that nobody ever held', async () => {
    const { simulation, server, candidate } = anElection();
    server.create(Leases, {
      apiVersion: Leases.apiVersion,
      kind: 'Lease',
      metadata: { ...lease, annotations: { other: 'kept' } },
    });
    const a = candidate('a');
    await simulation.run(() => a.state.leadership !== undefined);
    expect(server.get(Leases, lease)).toMatchObject({
      metadata: { annotations: { other: 'kept', 'example.com/address': 'a:8443' } },
      spec: { holderIdentity: 'a', leaseTransitions: 0 },
    });
  });

  it('waits 2 to 4.4 seconds between tries, by chance', async () => {
    for (const [chance, want] of [
      [0, 2000],
      [0.999_999, 4400],
    ] as const) {
      const { simulation, candidate } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      const made = candidate('b');
      const elector = new LeaderElector({
        api: made.api,
        environment: { ...made.process.environment, random: () => chance },
        lease,
        identity: 'c',
      });
      made.stop.abort();
      const stop = new AbortController();
      const running = elector.run(stop.signal, async () => {});
      await simulation.runFor(20_000);
      const tries = made.api.calls.filter((it) => it.verb === 'get').map((it) => it.sentAt);
      expect((tries[3] as number) - (tries[2] as number)).toBeCloseTo(want, -1);
      stop.abort();
      await running;
    }
  });

  describe('at the end of leadership', () => {
    it('releases the Lease, so that the next one leads at its next try', async () => {
      const { simulation, server, candidate, at } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      const b = candidate('b');
      await simulation.runFor(5000);
      const patch = { type: 'merge', body: { metadata: { annotations: { other: 'kept' } } } } as const;
      server.patch(Leases, lease, patch);
      a.stop.abort();
      expect(a.state.leadership?.signal.aborted).toBe(false);
      const asked = at();
      await simulation.run(() => a.state.end !== undefined);
      expect(a.state.end).toBe('stopped');
      expect(a.state.leadership?.signal.reason).toMatchObject({ code: 'leadership-released' });
      expect(server.get(Leases, lease)).toMatchObject({
        metadata: { annotations: { other: 'kept' } },
        spec: { holderIdentity: '', leaseDurationSeconds: 1, renewTime: expect.stringMatching(MICRO) },
      });
      expect(server.get(Leases, lease).metadata.annotations).not.toHaveProperty(['example.com/address']);
      expect([a.elector.holder, a.elector.leadership, await a.status()]).toEqual([undefined, undefined, 0]);
      await simulation.run(() => b.state.leadership !== undefined);
      expect(at() - asked).toBeLessThanOrEqual(2000);
      expect(server.get(Leases, lease).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
    });

    it('has aborted the signal before the release is sent', async () => {
      const { simulation, candidate } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      let aborted: boolean | undefined;
      a.api.faults = (call) => {
        const sent = (call.body as { spec?: { holderIdentity?: string } }).spec;
        if (sent?.holderIdentity === '') aborted = a.state.leadership?.signal.aborted;
        return undefined;
      };
      a.stop.abort();
      await simulation.run(() => a.state.end !== undefined);
      expect(aborted).toBe(true);
    });

    it('comes when the work ends by itself', async () => {
      const { simulation, candidate, spec } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      a.state.finish();
      await simulation.run(() => a.state.end !== undefined);
      expect([a.state.end, spec()?.holderIdentity]).toEqual(['stopped', '']);
    });

    it('comes when the work fails, which is told after the release', async () => {
      const { simulation, candidate, spec } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      a.state.fail(new Error('broken'));
      await simulation.run(() => a.state.end !== undefined);
      expect([a.state.end, spec()?.holderIdentity]).toEqual(['broken', '']);
    });

    it('survives work that throws at once', async () => {
      const { simulation, world, spec } = anElection();
      const process = world.process('a');
      const elector = new LeaderElector({ ...process, lease, identity: 'a' });
      const running = elector.run(new AbortController().signal, () => {
        throw new Error('broken');
      });
      running.catch(() => {});
      await simulation.run();
      expect(spec()?.holderIdentity).toBe('');
      await expect(running).rejects.toThrow('broken');
    });

    it('releases a Lease whose last renewal was answered to nobody', async () => {
      const { simulation, candidate, spec } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      a.api.faults = (call) => (call.verb === 'replace' ? unanswered : undefined);
      await simulation.runFor(2500);
      a.stop.abort();
      a.api.faults = () => undefined;
      await simulation.run(() => a.state.end !== undefined);
      expect(spec()?.holderIdentity).toBe('');
    });

    it('leaves the Lease to run out when it cannot be released', async () => {
      const { simulation, candidate, spec } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      a.api.faults = () => lostBefore;
      a.stop.abort();
      await simulation.run(() => a.state.end !== undefined);
      expect([a.state.end, spec()?.holderIdentity]).toEqual(['stopped', 'a']);
      expect(a.log.at('warn').at(-1)).toContain('could not be released');
    });

    it('leaves alone a Lease that is somebody else’s by now', async () => {
      const { simulation, server, candidate, spec } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      server.update(Leases, lease, (it) => ({ ...it, spec: { ...it.spec, holderIdentity: 'thief' } }));
      a.stop.abort();
      await simulation.run(() => a.state.end !== undefined);
      expect(spec()?.holderIdentity).toBe('thief');
    });
  });

  describe('when it is stopped before it leads', () => {
    it('ends between two tries', async () => {
      const { simulation, candidate } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      const b = candidate('b');
      await simulation.runFor(1000);
      b.stop.abort();
      await b.running;
      expect(b.state.end).toBe('stopped');
    });

    it('releases a Lease that it wins at the last moment, and never leads', async () => {
      const { simulation, candidate, spec } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.api.calls.some((it) => it.verb === 'create'));
      a.stop.abort();
      await simulation.run(() => a.state.end !== undefined);
      expect([a.state.end, a.state.leadership, spec()?.holderIdentity]).toEqual(['stopped', undefined, '']);
    });

    it('makes no try after the stop', async () => {
      const { simulation, candidate, server } = anElection();
      const a = candidate('a');
      a.stop.abort();
      await simulation.run(() => a.state.end !== undefined);
      expect(server.find(Leases, lease)).toBeUndefined();
    });
  });

  describe('when leadership is lost', () => {
    it('aborts its signal ten seconds after the last renewal was sent, at the latest', async () => {
      const { simulation, candidate, at } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      await simulation.runFor(5000);
      a.api.faults = () => lostBefore;
      await simulation.run(() => a.state.leadership?.signal.aborted === true);
      expect(at()).toBe(4000 + 10_000);
      expect(a.state.leadership?.signal.reason).toMatchObject({ code: 'leadership-lost' });
      await simulation.run(() => a.state.end !== undefined);
      expect([a.state.end, await a.status()]).toEqual(['lost', 0]);
      expect(a.log.at('error')).toEqual(['leadership is lost']);
    });

    it('does not come back when a renewal is answered too late', async () => {
      const { simulation, candidate, at } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      simulation.pause('server');
      await simulation.run(() => a.state.leadership?.signal.aborted === true);
      expect(at()).toBe(10_000);
      simulation.resume('server');
      await simulation.run(() => a.state.end !== undefined);
      expect(a.state.end).toBe('lost');
    });

    it('is lost at once when the Lease has another holder', async () => {
      const { simulation, server, candidate, at } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      await simulation.runFor(1000);
      server.update(Leases, lease, (it) => ({ ...it, spec: { ...it.spec, holderIdentity: 'thief' } }));
      await simulation.run(() => a.state.end !== undefined);
      expect([a.state.end, at()]).toEqual(['lost', 2000]);
    });

    it('is lost at once when somebody emptied the Lease', async () => {
      const { simulation, server, candidate } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      server.update(Leases, lease, (it) => ({ ...it, spec: { ...it.spec, holderIdentity: '' } }));
      await simulation.run(() => a.state.end !== undefined);
      expect(a.state.end).toBe('lost');
    });

    it('can be run for again by the same process', async () => {
      const { simulation, candidate } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      a.api.faults = () => lostBefore;
      await simulation.run(() => a.state.end !== undefined);
      a.api.faults = () => undefined;
      let again: Leadership | undefined;
      const stop = new AbortController();
      const work = Promise.withResolvers<void>();
      const running = a.elector.run(stop.signal, (leadership) => {
        again = leadership;
        return work.promise;
      });
      await simulation.run(() => again !== undefined);
      expect(again?.holds()).toBe(true);
      work.resolve();
      await simulation.run();
      expect(await running).toBe('stopped');
    });
  });

  describe('goes on leading', () => {
    it('although some renewals fail', async () => {
      const { simulation, candidate, at } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      a.api.faults = ({ verb }) => (at() % 8000 >= 6000 ? undefined : verb === 'get' ? lostBefore : lostAfter);
      await simulation.runFor(120_000);
      expect([a.state.leadership?.holds(), a.state.end]).toEqual([true, undefined]);
    });

    it('although somebody edits the Lease', async () => {
      const { simulation, server, candidate } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      for (let i = 0; i < 10; i++) {
        const body = { metadata: { annotations: { edit: `${i}` } } };
        server.patch(Leases, lease, { type: 'merge', body });
        await simulation.runFor(3000);
      }
      expect(a.state.leadership?.holds()).toBe(true);
      expect(server.get(Leases, lease).metadata.annotations).toMatchObject({ edit: '9' });
    });

    it('although somebody deletes the Lease', async () => {
      const { simulation, server, candidate, spec } = anElection();
      const a = candidate('a');
      await simulation.run(() => a.state.leadership !== undefined);
      server.delete(Leases, lease, { propagationPolicy: 'Background' });
      await simulation.runFor(15_000);
      expect([a.state.leadership?.holds(), spec()?.holderIdentity]).toEqual([true, 'a']);
    });
  });

  it('takes what it won without hearing of it, at the next try', async () => {
    const { simulation, candidate, spec, at } = anElection();
    const a = candidate('a');
    a.api.faults = (call) => (call.verb === 'create' ? lostAfter : undefined);
    await simulation.run(() => a.state.leadership !== undefined);
    expect([at(), spec()?.leaseTransitions, a.api.calls.map((it) => it.verb)]).toEqual([
      2000,
      0,
      ['get', 'create', 'get', 'replace'],
    ]);
  });

  it('takes nothing by an answer that came too late to lead on', async () => {
    const { simulation, candidate } = anElection();
    const a = candidate('a');
    await simulation.run(() => a.api.calls.some((it) => it.verb === 'create'));
    // The answer is there, but the process stands still.
    await simulation.run(() => a.api.writes.length === 1);
    simulation.pause('a');
    await simulation.runFor(12_000);
    simulation.resume('a');
    await simulation.run(() => a.state.leadership !== undefined);
    expect(a.state.leadership?.holds()).toBe(true);
    expect(a.api.calls.filter((it) => it.verb === 'replace')).toHaveLength(1);
  });

  const wrong: Partial<ElectionOptions>[] = [
    { leaseDurationMs: 10_000 },
    { renewDeadlineMs: 15_000 },
    { retryPeriodMs: 9_000 },
    { retryPeriodMs: 0 },
    { renewDeadlineMs: Number.NaN },
  ];
  it.each(wrong)('refuses times that do not fit together: %o', (options) => {
    expect(() => anElection().candidate('a', options)).toThrow(RangeError);
  });
});
