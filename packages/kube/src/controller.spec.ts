import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ManualClock, settled } from '../test/manual-clock.js';
import { anObject, ManualSource } from '../test/manual-source.js';
import { metricValue } from '../test/metric-value.js';
import { RecordedLog } from '../test/recorded-log.js';
import { Controller, type ControllerOptions } from './controller.js';
import { KubeApiError } from './error.js';
import type { KubeObject } from './object.js';
import { generationChanged } from './predicates.js';
import { type Reconcile, type ReconcileContext, TerminalError } from './reconcile.js';
import { mapByLabel, watches } from './watches.js';

function aController(reconcile: Reconcile, options: Partial<ControllerOptions<KubeObject>> = {}) {
  const clock = new ManualClock();
  const log = new RecordedLog();
  const registry = new Registry();
  const things = new ManualSource();
  const children = new ManualSource();
  const calls: { key: string; at: number; context: ReconcileContext }[] = [];
  const controller = new Controller({
    name: 'things',
    environment: { clock, log, random: () => 0.5 },
    registry,
    primary: things,
    watches: [watches(children, mapByLabel('of'))],
    resyncMs: 0,
    ...options,
    reconcile: (key, context) => {
      calls.push({ key, at: clock.monotonic(), context });
      return reconcile(key, context);
    },
  });
  const stop = new AbortController();
  const abort = new AbortController();
  const run = () => {
    const state = { ended: false, promise: controller.run(stop.signal, abort.signal) };
    void state.promise.then(() => {
      state.ended = true;
    });
    return state;
  };
  /** Runs with all sources synced. */
  const start = async () => {
    things.sync();
    children.sync();
    const state = run();
    await settled();
    return state;
  };
  const total = (result: string) =>
    metricValue(registry, 'controller_runtime_reconcile_total', { controller: 'things', result });
  const metric = (name: string) => metricValue(registry, `controller_runtime_${name}`, { controller: 'things' });
  return { clock, log, registry, things, children, calls, controller, stop, abort, run, start, total, metric };
}

const nothing: Reconcile = async () => {};

/** A reconcile that a test ends by hand, each call with its own key. */
function held() {
  const open = new Map<string, PromiseWithResolvers<void>>();
  const reconcile: Reconcile = (key) => {
    const gate = Promise.withResolvers<void>();
    open.set(key, gate);
    return gate.promise;
  };
  return { open, reconcile };
}

/** A reconcile that does nothing but obey. */
const obedient: Reconcile = (_, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('told to stop')));
  });

describe('a controller', () => {
  it('begins when all its sources are synced, with what is there', async () => {
    const { things, children, calls, run, log } = aController(nothing);
    things.put(anObject('ns/a'));
    run();
    things.sync();
    await settled();
    expect(calls).toEqual([]);
    children.sync();
    await settled();
    expect(calls.map((it) => it.key)).toEqual(['ns/a']);
    expect(log.at('info')).toEqual(['all sources are synced; reconciles begin']);
  });

  it('reconciles an object for its own changes, for those of others that concern it, and when it is asked to', async () => {
    const { things, children, calls, controller, start } = aController(nothing, { when: generationChanged });
    await start();
    things.put(anObject('ns/a'));
    await settled();
    things.put(anObject('ns/a', { resourceVersion: '2' }));
    await settled();
    children.put(anObject('ns/child', { labels: { of: 'b' } }));
    await settled();
    controller.enqueue('ns/c');
    await settled();
    things.remove(anObject('ns/a'));
    await settled();
    expect(calls.map((it) => it.key)).toEqual(['ns/a', 'ns/b', 'ns/c', 'ns/a']);
  });

  it('runs as many keys at once as it may, and no key twice', async () => {
    const { open, reconcile } = held();
    const { controller, calls, start, metric } = aController(reconcile, { maxConcurrentReconciles: 2 });
    await start();
    for (const key of ['a', 'b', 'c', 'a']) controller.enqueue(key);
    await settled();
    controller.enqueue('a');
    await settled();
    expect(calls.map((it) => it.key)).toEqual(['a', 'b']);
    expect(await metric('active_workers')).toBe(2);
    expect(await metric('max_concurrent_reconciles')).toBe(2);
    open.get('b')?.resolve();
    await settled();
    open.get('a')?.resolve();
    await settled();
    expect(calls.map((it) => it.key)).toEqual(['a', 'b', 'c', 'a']);
    open.get('c')?.resolve();
    open.get('a')?.resolve();
    await settled();
    expect(await metric('active_workers')).toBe(0);
  });

  it('gives each reconcile an id that is in all its lines', async () => {
    const { controller, calls, log, start } = aController(async (_, context) => {
      context.log.info({ step: 1 }, 'working');
    });
    await start();
    controller.enqueue('ns/a');
    await settled();
    const reconcileID = calls[0]?.context.reconcileID;
    expect(reconcileID).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(log.lines.at(-1)).toEqual({
      level: 'info',
      message: 'working',
      fields: { controller: 'things', namespace: 'ns', name: 'a', reconcileID, step: 1 },
    });
  });

  it('counts a success, and its time', async () => {
    const { clock, controller, start, total, metric } = aController(async () => {
      await new Promise<void>((resolve) => clock.after(1500, resolve));
      return {};
    });
    await start();
    controller.enqueue('a');
    await clock.advance(1500);
    expect(await total('success')).toBe(1);
    expect(await metric('reconcile_time_seconds_sum')).toBe(1.5);
  });

  it('looks again when it is asked to, at once when that is 0', async () => {
    const { clock, controller, calls, start, total } = aController(async () =>
      calls.length === 1 ? { requeueAfterMs: 700 } : calls.length === 2 ? { requeueAfterMs: 0 } : {},
    );
    await start();
    controller.enqueue('a');
    await clock.advance(10_000);
    expect(calls.map((it) => it.at)).toEqual([0, 700, 700]);
    expect([await total('requeue_after'), await total('success')]).toEqual([2, 1]);
  });

  it('tries again with growing pauses after an error, and begins anew after a success', async () => {
    const { clock, controller, calls, start, total, metric, log } = aController(async () => {
      if (calls.length !== 4 && calls.length < 6) throw new Error('not now');
    });
    await start();
    controller.enqueue('a');
    await clock.advance(1000);
    expect(calls.map((it) => it.at)).toEqual([0, 5, 15, 35]);
    controller.enqueue('a');
    await clock.advance(1000);
    expect(calls.slice(4).map((it) => it.at - 1000)).toEqual([0, 5]);
    expect([await total('error'), await total('success')]).toEqual([4, 2]);
    expect(await metric('reconcile_errors_total')).toBe(4);
    expect(await metric('reconcile_panics_total')).toBe(0);
    expect(log.at('warn')).toHaveLength(4);
  });

  it('pauses no longer than its cap', async () => {
    const { clock, controller, calls, start } = aController(
      async () => {
        throw new Error('never');
      },
      { maxBackoffMs: 8 },
    );
    await start();
    controller.enqueue('a');
    await clock.advance(30);
    expect(calls.map((it) => it.at)).toEqual([0, 5, 13, 21, 29]);
  });

  it('waits as long as the server asked', async () => {
    const { clock, controller, calls, start } = aController(async () => {
      if (calls.length === 1) {
        throw new KubeApiError('slow down', { status: 429, reason: 'TooManyRequests', retryAfterMs: 3000 });
      }
    });
    await start();
    controller.enqueue('a');
    await clock.advance(5000);
    expect(calls.map((it) => it.at)).toEqual([0, 3000]);
  });

  it('takes a conflict as a matter of course', async () => {
    const { clock, controller, calls, start, log } = aController(async () => {
      if (calls.length === 1) throw new KubeApiError('changed', { status: 409, reason: 'Conflict' });
    });
    await start();
    controller.enqueue('a');
    await clock.advance(100);
    expect(calls).toHaveLength(2);
    expect([log.at('warn'), log.at('error')]).toEqual([[], []]);
  });

  it('counts a terminal error and leaves the key alone until something changes', async () => {
    const { clock, controller, calls, start, total, metric } = aController(async () => {
      throw new TerminalError('the spec makes no sense', { cause: new Error('why') });
    });
    await start();
    controller.enqueue('a');
    await clock.advance(1_000_000);
    expect(calls).toHaveLength(1);
    expect(await total('error')).toBe(1);
    expect(await metric('reconcile_errors_total')).toBe(1);
    expect(await metric('terminal_reconcile_errors_total')).toBe(1);
    controller.enqueue('a');
    await settled();
    expect(calls).toHaveLength(2);
  });

  const mistakes: Record<string, Reconcile> = {
    'a synchronous throw': () => {
      throw new TypeError('x is not a function');
    },
    'a rejection with a mistake': async () => {
      throw new RangeError('too deep');
    },
    'something that is no error': async () => {
      throw 'a string';
    },
    'nothing at all': () => Promise.reject(undefined),
  };
  it.each(Object.entries(mistakes))('survives %s, counts it as a panic and tries again', async (_, reconcile) => {
    const { clock, controller, calls, start, total, metric, log } = aController((key, context) =>
      calls.length === 1 ? reconcile(key, context) : nothing(key, context),
    );
    await start();
    controller.enqueue('a');
    await clock.advance(100);
    expect(calls).toHaveLength(2);
    expect([await total('error'), await total('success')]).toEqual([1, 1]);
    expect(await metric('reconcile_panics_total')).toBe(1);
    expect(log.at('error')).toHaveLength(1);
  });

  describe('at the deadline of a reconcile', () => {
    it('tells it to stop, and takes what it throws then as a failure', async () => {
      const { clock, controller, calls, start, metric, log } = aController(
        (key, context) => (calls.length === 1 ? obedient(key, context) : nothing(key, context)),
        { reconcileTimeoutMs: 2000 },
      );
      await start();
      controller.enqueue('a');
      await clock.advance(1999);
      expect(calls[0]?.context.signal.aborted).toBe(false);
      await clock.advance(1);
      expect(calls[0]?.context.signal.reason).toMatchObject({ code: 'reconcile-timeout' });
      await clock.advance(5);
      expect(calls.map((it) => it.at)).toEqual([0, 2005]);
      expect(await metric('reconcile_timeouts_total')).toBe(1);
      expect(await metric('reconcile_errors_total')).toBe(1);
      expect(log.lines.filter((it) => it.level === 'warn').map((it) => it.fields)).toMatchObject([
        { timeoutMs: 2000 },
        { err: { code: 'reconcile-timeout', cause: { message: 'told to stop' } } },
      ]);
    });

    it('takes the reason of the signal, thrown as it is, for what it is', async () => {
      const { clock, controller, start, log } = aController(
        (_, { signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        { reconcileTimeoutMs: 2000 },
      );
      await start();
      controller.enqueue('a');
      await clock.advance(2000);
      const [, failure] = log.lines.filter((it) => it.level === 'warn');
      expect(failure?.fields.err).toMatchObject({ code: 'reconcile-timeout' });
      expect(failure?.fields.err).not.toHaveProperty('cause');
    });

    it('does not give the key to anybody else while it goes on all the same', async () => {
      const { open, reconcile } = held();
      const { clock, controller, calls, start, total } = aController(reconcile, {
        reconcileTimeoutMs: 2000,
        maxConcurrentReconciles: 2,
      });
      await start();
      controller.enqueue('a');
      await clock.advance(5000);
      controller.enqueue('a');
      await settled();
      expect(calls).toHaveLength(1);
      open.get('a')?.resolve();
      await settled();
      expect(calls).toHaveLength(2);
      expect(await total('success')).toBe(1);
    });

    it('has no deadline left when the reconcile has ended', async () => {
      const { clock, controller, start } = aController(nothing);
      await start();
      controller.enqueue('a');
      await settled();
      expect(clock.timers).toBe(0);
    });
  });

  describe('resync', () => {
    it('looks at each object again after about its time, each at its own moment', async () => {
      let chance = 0;
      const clock = new ManualClock();
      const { things, calls, start } = aController(nothing, {
        environment: {
          clock,
          log: new RecordedLog(),
          random: () => {
            chance = (chance + 0.37) % 1;
            return chance;
          },
        },
        resyncMs: 36_000_000,
      });
      things.put(anObject('ns/a'));
      things.put(anObject('ns/b'));
      await start();
      await clock.advance(0.9 * 36_000_000 - 1);
      expect(calls).toHaveLength(2);
      await clock.advance(0.2 * 36_000_000 + 2);
      expect(calls.map((it) => it.key).sort()).toEqual(['ns/a', 'ns/a', 'ns/b', 'ns/b']);
    });

    it('does not delay an earlier look that was asked for, nor bring a second one', async () => {
      const { clock, things, calls, start } = aController(
        async () => (calls.length === 1 ? { requeueAfterMs: 500 } : {}),
        { resyncMs: 1000 },
      );
      things.put(anObject('ns/a'));
      await start();
      await clock.advance(500);
      expect(calls).toHaveLength(2);
      await clock.advance(999);
      expect(calls).toHaveLength(2);
      await clock.advance(1);
      expect(calls).toHaveLength(3);
    });

    it('leaves out objects that are gone', async () => {
      const { clock, things, calls, start } = aController(nothing, { resyncMs: 1000 });
      things.put(anObject('ns/a'));
      await start();
      things.remove(anObject('ns/a'));
      await clock.advance(10_000);
      expect(calls).toHaveLength(2);
    });

    it('comes after a terminal error too', async () => {
      const { clock, things, calls, start } = aController(
        async () => {
          throw new TerminalError('no');
        },
        { resyncMs: 1000 },
      );
      things.put(anObject('ns/a'));
      await start();
      await clock.advance(1000);
      expect(calls).toHaveLength(2);
    });

    it('is every ten hours when nothing else is said', async () => {
      const { clock, things, calls, start } = aController(nothing, { resyncMs: undefined });
      things.put(anObject('ns/a'));
      await start();
      await clock.advance(36_000_000 - 1);
      expect(calls).toHaveLength(1);
      await clock.advance(1);
      expect(calls).toHaveLength(2);
    });
  });

  describe('at the end', () => {
    it('takes nothing new and works off what waits', async () => {
      const { open, reconcile } = held();
      const { things, children, calls, controller, stop, start } = aController(reconcile);
      const running = await start();
      controller.enqueue('a');
      controller.enqueue('b');
      await settled();
      stop.abort();
      things.put(anObject('ns/late'));
      controller.enqueue('later');
      open.get('a')?.resolve();
      await settled();
      expect(running.ended).toBe(false);
      open.get('b')?.resolve();
      await running.promise;
      expect(calls.map((it) => it.key)).toEqual(['a', 'b']);
      expect(calls.every((it) => !it.context.signal.aborted)).toBe(true);
      expect([things.subscribers, children.subscribers]).toEqual([0, 0]);
    });

    it('stops everything at once when leadership is lost', async () => {
      const { clock, calls, controller, abort, start, metric, log } = aController(obedient);
      const running = await start();
      controller.enqueue('a');
      controller.enqueue('b');
      await settled();
      abort.abort(new Error('lease lost'));
      expect(calls[0]?.context.signal.reason).toMatchObject({ message: 'lease lost' });
      await running.promise;
      expect(calls).toHaveLength(1);
      expect(await metric('reconcile_errors_total')).toBe(0);
      expect(log.at('info')).toContain('reconcile ended before its time');
      expect(clock.timers).toBe(0);
    });

    it.each(['stop', 'abort'] as const)(
      'ends without a reconcile when %s comes before the sources are synced',
      async (which) => {
        const made = aController(nothing);
        made.things.put(anObject('ns/a'));
        const running = made.run();
        made[which].abort();
        await running.promise;
        expect(made.calls).toEqual([]);
        expect([made.things.subscribers, made.clock.timers]).toEqual([0, 0]);
      },
    );

    it.each(['stop', 'abort'] as const)('does not even begin when %s has come already', async (which) => {
      const made = aController(nothing);
      made.things.put(anObject('ns/a'));
      made[which].abort();
      await made.run().promise;
      expect(made.calls).toEqual([]);
    });

    it('cannot be run a second time', async () => {
      const { controller, stop, start } = aController(nothing);
      const running = await start();
      stop.abort();
      await running.promise;
      await expect(controller.run(new AbortController().signal)).rejects.toThrow('make another');
    });
  });

  it('shows all its metrics as zeros before anything happens', async () => {
    const { registry } = aController(nothing);
    const text = await registry.metrics();
    for (const line of [
      'controller_runtime_reconcile_total{controller="things",result="success"} 0',
      'controller_runtime_reconcile_total{controller="things",result="requeue_after"} 0',
      'controller_runtime_reconcile_total{controller="things",result="error"} 0',
      'controller_runtime_reconcile_errors_total{controller="things"} 0',
      'controller_runtime_terminal_reconcile_errors_total{controller="things"} 0',
      'controller_runtime_reconcile_panics_total{controller="things"} 0',
      'controller_runtime_reconcile_time_seconds_count{controller="things"} 0',
      'controller_runtime_max_concurrent_reconciles{controller="things"} 1',
      'controller_runtime_active_workers{controller="things"} 0',
      'workqueue_depth{name="things"} 0',
    ])
      expect(text).toContain(line);
  });
});
