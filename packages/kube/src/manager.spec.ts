import { describe, expect, it } from 'vitest';
import { ManualSource } from '../test/manual-source.js';
import { inOrder, lostBefore, World } from '../test/memory-api/index.js';
import { RecordedLog } from '../test/recorded-log.js';
import type { KubeApi } from './api.js';
import { Controller } from './controller.js';
import { LeaderElector } from './election.js';
import { fenced } from './fence.js';
import { Informer } from './informer.js';
import { type ConfigMap, ConfigMaps } from './kinds/core.js';
import { Leases } from './kinds/lease.js';
import type { Leadership } from './leadership.js';
import { type LeaderWork, Manager, type ManagerOptions } from './manager.js';
import type { Reconcile } from './reconcile.js';

const lease = { namespace: 'system', name: 'operator' };

interface Options extends Partial<Omit<ManagerOptions, 'lead'>> {
  readonly elected?: boolean;
  readonly reconcile?: Reconcile;
  readonly work?: Partial<LeaderWork>;
}

/** A process with one informer, two servers and one controller, and a list of what it does. */
function aProcess(world: World, name: string, { elected = true, reconcile, work, ...options }: Options = {}) {
  const { simulation } = world;
  const log = new RecordedLog();
  const process = world.process(name, { log });
  const did: string[] = [];
  const informer = new Informer<ConfigMap>({ ...process, kind: ConfigMaps });
  const server = (called: string) => ({
    name: called,
    start: async () => void did.push(`start ${called}`),
    stopTaking: () => void did.push(`${called} takes nothing new, ready ${manager.ready}`),
    close: async () => void did.push(`close ${called}`),
  });
  const state = { leadership: undefined as Leadership | undefined, api: undefined as KubeApi | undefined };
  const manager = new Manager({
    environment: process.environment,
    servers: [server('health'), server('webhook')],
    informers: [
      {
        synced: informer.synced,
        run: async (signal) => {
          did.push('informer runs');
          await informer.run(signal);
          did.push('informer ended');
        },
      },
    ],
    ...(elected ? { elector: new LeaderElector({ ...process, lease, identity: name }) } : {}),
    ...options,
    lead: (leadership) => {
      state.leadership = leadership;
      state.api = fenced(process.api, leadership);
      did.push('leads');
      const controller = new Controller({
        name: 'maps',
        environment: process.environment,
        primary: informer,
        reconcile: async (key, context) => {
          did.push(`begin ${key}`);
          await reconcile?.(key, context);
          did.push(`end ${key}`);
        },
      });
      return {
        controllers: [controller],
        loops: [
          async (signal) => {
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            did.push('loop ended');
          },
        ],
        finish: async () => void did.push(`finish, leads ${leadership.holds()}`),
        ...work,
      };
    },
  });
  const stop = new AbortController();
  const result = { end: undefined as string | undefined };
  const running = manager.run(stop.signal).then(
    (end) => {
      result.end = end;
      did.push('ended');
    },
    (error: Error) => {
      result.end = error.message;
      did.push('ended');
    },
  );
  const until = (condition: () => boolean) => simulation.run(condition);
  return { process, manager, informer, did, log, stop, running, result, state, until };
}

function aWorld() {
  const world = new World({ choose: inOrder });
  world.server.create(ConfigMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'ns', name: 'a' } });
  return world;
}

describe('a manager', () => {
  it('starts servers, informers, the election and the work in that order', async () => {
    const { manager, did, until } = aProcess(aWorld(), 'p');
    expect([manager.ready, manager.live, manager.leading]).toEqual([false, true, false]);
    await until(() => did.includes('end ns/a'));
    expect(did).toEqual(['start health', 'start webhook', 'informer runs', 'leads', 'begin ns/a', 'end ns/a']);
    expect([manager.ready, manager.leading]).toEqual([true, true]);
  });

  it('is not ready, and does not run for the Lease, before its caches are synced', async () => {
    const world = aWorld();
    const { process, manager, until } = aProcess(world, 'p');
    process.api.faults = (call) => (call.verb === 'list' ? lostBefore : undefined);
    await world.simulation.runFor(60_000);
    expect(manager.ready).toBe(false);
    expect(world.server.find(Leases, lease)).toBeUndefined();
    process.api.faults = () => undefined;
    await until(() => manager.ready);
    await until(() => manager.leading);
  });

  it('is ready without the Lease too', async () => {
    const world = aWorld();
    const first = aProcess(world, 'p');
    await first.until(() => first.manager.leading);
    const second = aProcess(world, 'q');
    await world.simulation.runFor(20_000);
    expect([second.manager.ready, second.manager.leading]).toEqual([true, false]);
    second.stop.abort();
    await second.until(() => second.result.end !== undefined);
    expect(second.result.end).toBe('stopped');
    expect(second.did.slice(3)).toEqual([
      'health takes nothing new, ready false',
      'webhook takes nothing new, ready false',
      'informer ended',
      'close webhook',
      'close health',
      'ended',
    ]);
  });

  it('ends in order, and releases the Lease when everything is worked off', async () => {
    const world = aWorld();
    const gate = Promise.withResolvers<void>();
    const { manager, did, stop, result, until, state } = aProcess(world, 'p', { reconcile: () => gate.promise });
    await until(() => did.includes('begin ns/a'));
    const before = did.length;
    stop.abort();
    await world.simulation.runFor(15_000);
    expect([manager.ready, state.leadership?.holds()]).toEqual([false, true]);
    expect(world.server.get(Leases, lease).spec?.holderIdentity).toBe('p');
    gate.resolve();
    await until(() => did.includes('finish, leads true'));
    expect(did.slice(before)).toEqual([
      'health takes nothing new, ready false',
      'webhook takes nothing new, ready false',
      'informer ended',
      'end ns/a',
      'loop ended',
      'finish, leads true',
    ]);
    expect(did).not.toContain('close health');
    await until(() => result.end !== undefined);
    expect(world.server.get(Leases, lease).spec?.holderIdentity).toBe('');
    expect(did.slice(-3)).toEqual(['close webhook', 'close health', 'ended']);
    expect(result.end).toBe('stopped');
    await world.simulation.run();
    expect(world.simulation.pending).toBe(0);
  });

  it('waits no longer than it may, and then aborts what still runs', async () => {
    const world = aWorld();
    const { did, stop, result, until } = aProcess(world, 'p', {
      reconcile: (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    await until(() => did.includes('begin ns/a'));
    const start = world.simulation.now;
    stop.abort();
    await until(() => did.includes('loop ended'));
    expect(world.simulation.now - start).toBe(20_000);
    await until(() => result.end !== undefined);
    expect(result.end).toBe('stopped');
    expect(world.server.get(Leases, lease).spec?.holderIdentity).toBe('');
  });

  it('gives up what does not even heed that, and fences it before the Lease is released', async () => {
    const world = aWorld();
    const { did, log, stop, result, state, until } = aProcess(world, 'p', {
      reconcile: () => new Promise(() => {}),
      drainMs: 5000,
      graceMs: 1000,
      work: { loops: [() => new Promise(() => {})], finish: () => new Promise(() => {}) },
    });
    await until(() => did.includes('begin ns/a'));
    const start = world.simulation.now;
    stop.abort();
    await until(() => result.end !== undefined);
    expect(world.simulation.now - start).toBe(8000);
    expect(log.at('warn')).toEqual([
      'controllers did not end in time; they are given up',
      'loops did not end in time; they are given up',
      'finish did not end in time; they are given up',
    ]);
    expect(world.server.get(Leases, lease).spec?.holderIdentity).toBe('');
    const late = state.api?.patch(ConfigMaps, { namespace: 'ns', name: 'a' }, { type: 'merge', body: {} });
    await expect(late).rejects.toMatchObject({ reason: 'Aborted' });
  });

  it('lets the last writes take longer than what does not heed its signal, when it is told so', async () => {
    const world = aWorld();
    const last = Promise.withResolvers<void>();
    const { did, log, stop, result, until } = aProcess(world, 'p', {
      graceMs: 1000,
      finishMs: 5000,
      work: { finish: () => last.promise },
    });
    await until(() => did.includes('begin ns/a'));
    stop.abort();
    await world.simulation.runFor(4000);
    expect(result.end).toBeUndefined();
    last.resolve();
    await until(() => result.end !== undefined);
    expect(log.at('warn')).toEqual([]);
  });

  it('ends when leadership is lost, without a last write', async () => {
    const world = aWorld();
    const { process, did, result, until } = aProcess(world, 'p', {
      reconcile: (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    await until(() => did.includes('begin ns/a'));
    process.api.faults = () => lostBefore;
    await until(() => result.end !== undefined);
    expect(result.end).toBe('lost');
    expect(did.slice(did.indexOf('begin ns/a') + 1)).toEqual([
      'loop ended',
      'health takes nothing new, ready false',
      'webhook takes nothing new, ready false',
      'informer ended',
      'close webhook',
      'close health',
      'ended',
    ]);
  });

  it('hands over to another replica', async () => {
    const world = aWorld();
    const first = aProcess(world, 'p');
    await first.until(() => first.did.includes('end ns/a'));
    const second = aProcess(world, 'q');
    await world.simulation.runFor(5000);
    const start = world.simulation.now;
    first.stop.abort();
    await second.until(() => second.did.includes('end ns/a'));
    expect(world.simulation.now - start).toBeLessThan(4500);
    expect(first.did).toContain('ended');
  });

  it('works without an election', async () => {
    const world = aWorld();
    const { manager, did, stop, result, state, until } = aProcess(world, 'p', { elected: false });
    await until(() => did.includes('end ns/a'));
    expect([manager.ready, manager.leading, state.leadership?.holds()]).toEqual([true, true, true]);
    stop.abort();
    await until(() => result.end !== undefined);
    expect([result.end, manager.leading]).toEqual(['stopped', false]);
    expect(did).toContain('finish, leads true');
    expect(world.server.find(Leases, lease)).toBeUndefined();
  });

  it('takes the informers of a process as one', async () => {
    const source = new ManualSource();
    const { manager, until, stop, result } = aProcess(aWorld(), 'p', {
      informers: [
        {
          synced: () => source.synced,
          run: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
        },
      ],
    });
    await until(() => true);
    expect(manager.ready).toBe(false);
    source.sync();
    await until(() => manager.ready);
    stop.abort();
    await until(() => result.end !== undefined);
    expect(result.end).toBe('stopped');
  });

  it('does not begin when it is stopped already', async () => {
    const world = aWorld();
    const made = aProcess(world, 'p');
    made.stop.abort();
    await made.until(() => made.result.end !== undefined);
    expect(made.did).not.toContain('leads');
    expect(made.did.slice(-3)).toEqual(['close webhook', 'close health', 'ended']);
  });

  describe('ends in order, and throws, when', () => {
    const closing = ['close webhook', 'close health', 'ended'];

    it('a server does not start', async () => {
      const world = aWorld();
      const did: string[] = [];
      const { result, until } = aProcess(world, 'p', {
        servers: [
          { name: 'one', start: async () => {}, close: async () => void did.push('close one') },
          { name: 'two', start: () => Promise.reject(new Error('port taken')), close: async () => void did.push('no') },
        ],
      });
      await until(() => result.end !== undefined);
      expect([result.end, did]).toEqual(['port taken', ['close one']]);
    });

    it('an informer fails', async () => {
      const { result, did, until } = aProcess(aWorld(), 'p', {
        informers: [{ synced: Promise.resolve(), run: () => Promise.reject(new Error('broken')) }],
      });
      await until(() => result.end !== undefined);
      expect([result.end, did.slice(-3)]).toEqual(['broken', closing]);
    });

    it('an informer ends by itself', async () => {
      const { result, until } = aProcess(aWorld(), 'p', {
        informers: [{ synced: new Promise(() => {}), run: async () => {} }],
      });
      await until(() => result.end !== undefined);
      expect(result.end).toBe('An informer ended by itself.');
    });

    const failing: Record<string, Partial<LeaderWork>> = {
      'a loop fails': { loops: [() => Promise.reject(new Error('broken'))] },
      'a controller fails': { controllers: [{ name: 'bad', run: () => Promise.reject(new Error('broken')) }] },
    };
    it.each(Object.entries(failing))('%s', async (_, work) => {
      const world = aWorld();
      const { result, did, until } = aProcess(world, 'p', { work });
      await until(() => result.end !== undefined);
      expect([result.end, did.slice(-3)]).toEqual(['broken', closing]);
      expect(world.server.get(Leases, lease).spec?.holderIdentity).toBe('');
    });

    it('the work cannot even be made', async () => {
      const world = aWorld();
      const made = aProcess(world, 'p', {
        work: {
          get controllers(): never {
            throw new Error('broken');
          },
        },
      });
      await made.until(() => made.result.end !== undefined);
      expect([made.result.end, made.did.slice(-3)]).toEqual(['broken', closing]);
      expect(world.server.get(Leases, lease).spec?.holderIdentity).toBe('');
    });

    it('the last writes fail', async () => {
      const { result, did, stop, until } = aProcess(aWorld(), 'p', {
        work: { finish: () => Promise.reject(new Error('broken')) },
      });
      await until(() => did.includes('end ns/a'));
      stop.abort();
      await until(() => result.end !== undefined);
      expect([result.end, did.slice(-3)]).toEqual(['broken', closing]);
    });

    it('a server throws when it is to take nothing new, or does not close', async () => {
      const { result, did, stop, until } = aProcess(aWorld(), 'p', {
        servers: [
          {
            name: 'bad',
            start: async () => {},
            stopTaking: () => {
              throw new Error('broken');
            },
            close: () => Promise.reject(new Error('open')),
          },
        ],
      });
      await until(() => did.includes('end ns/a'));
      stop.abort();
      await until(() => result.end !== undefined);
      expect(result.end).toBe('broken');
      expect(did).toContain('finish, leads true');
    });
  });
});
