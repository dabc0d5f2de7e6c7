import fc from 'fast-check';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ManualClock, settled } from '../test/manual-clock.js';
import { metricValue } from '../test/metric-value.js';
import { type QueueOptions, WorkQueue } from './queue.js';

function aQueue(options: Partial<QueueOptions> = {}) {
  const clock = new ManualClock();
  const registry = new Registry();
  const queue = new WorkQueue({ name: 'jobs', clock, registry, ...options });
  const metric = (name: string) => metricValue(registry, name, { name: 'jobs' });
  /** What get() gives now, or 'nothing' while it waits. The waiting get stays. */
  const peek = async (got: Promise<string | undefined>) => {
    let value: string | undefined = 'nothing';
    void got.then((it) => {
      value = it;
    });
    await settled();
    return value;
  };
  return { clock, registry, queue, metric, peek };
}

describe('a work queue', () => {
  it('hands out keys in the order in which they came, each once however often it was added', async () => {
    const { queue } = aQueue();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(queue.depth).toBe(3);
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual(['a', 'b', 'c']);
    expect({ depth: queue.depth, active: queue.active }).toEqual({ depth: 0, active: 3 });
  });

  it('keeps its order over thousands of keys', async () => {
    const { queue } = aQueue();
    const keys = Array.from({ length: 5000 }, (_, i) => `k${i}`);
    for (const key of keys) queue.add(key);
    const got: (string | undefined)[] = [];
    for (const _ of keys) got.push(await queue.get());
    expect(got).toEqual(keys);
  });

  it('lets workers wait for the next key, first come first served', async () => {
    const { queue } = aQueue();
    const first = queue.get();
    const second = queue.get();
    queue.add('a');
    queue.add('b');
    expect([await first, await second]).toEqual(['a', 'b']);
  });

  it('never hands a key to two workers, and hands it out again when it was added meanwhile', async () => {
    const { queue, peek } = aQueue();
    queue.add('a');
    expect(await queue.get()).toBe('a');
    queue.add('a');
    queue.add('a');
    const other = queue.get();
    expect(await peek(other)).toBe('nothing');
    expect(queue.depth).toBe(1);
    queue.done('a');
    expect(await other).toBe('a');
    queue.done('a');
    expect(queue.depth).toBe(0);
    expect(await peek(queue.get())).toBe('nothing');
  });

  it('does not mind a key that is done although nobody got it', () => {
    const { queue } = aQueue();
    queue.done('a');
    expect(queue.active).toBe(0);
  });

  describe('priorities', () => {
    it('put what is low behind everything else', async () => {
      const { queue } = aQueue();
      queue.add('old-1', 'low');
      queue.add('old-2', 'low');
      queue.add('new', 'normal');
      expect([await queue.get(), await queue.get(), await queue.get()]).toEqual(['new', 'old-1', 'old-2']);
    });

    it('are raised by an event, and never lowered', async () => {
      const { queue } = aQueue();
      queue.add('a', 'low');
      queue.add('b', 'low');
      queue.add('b');
      queue.add('b', 'low');
      expect([await queue.get(), await queue.get()]).toEqual(['b', 'a']);
      expect(queue.depth).toBe(0);
    });

    it('hold for keys that are added while they are worked on', async () => {
      const { queue } = aQueue();
      queue.add('a');
      queue.add('b');
      await queue.get();
      await queue.get();
      queue.add('a', 'low');
      queue.add('b', 'low');
      queue.add('b');
      queue.done('a');
      queue.done('b');
      expect([await queue.get(), await queue.get()]).toEqual(['b', 'a']);
    });

    it('hold for delayed keys', async () => {
      const { clock, queue } = aQueue();
      queue.addAfter('a', 100, 'low');
      queue.addAfter('b', 100, 'low');
      queue.addAfter('b', 200);
      await clock.advance(100);
      expect([await queue.get(), await queue.get()]).toEqual(['b', 'a']);
    });
  });

  describe('delayed keys', () => {
    it('come at their time, the nearest first', async () => {
      const { clock, queue, peek } = aQueue();
      queue.addAfter('late', 200);
      queue.addAfter('soon', 50);
      queue.addAfter('middle', 100);
      expect(queue.depth).toBe(0);
      const got = queue.get();
      await clock.advance(49);
      expect(await peek(got)).toBe('nothing');
      await clock.advance(1);
      expect(await got).toBe('soon');
      await clock.advance(150);
      expect([await queue.get(), await queue.get()]).toEqual(['middle', 'late']);
      expect(clock.timers).toBe(0);
    });

    it('come at the earlier of two times', async () => {
      const { clock, queue, peek } = aQueue();
      queue.addAfter('a', 100);
      queue.addAfter('a', 300);
      queue.addAfter('b', 300);
      queue.addAfter('b', 100);
      await clock.advance(100);
      expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
      queue.done('a');
      queue.done('b');
      const got = queue.get();
      await clock.advance(1000);
      expect(await peek(got)).toBe('nothing');
    });

    it('come at once when they are added without a delay, and not a second time', async () => {
      const { clock, queue, peek } = aQueue();
      queue.addAfter('a', 100);
      queue.add('a');
      expect(await queue.get()).toBe('a');
      queue.done('a');
      const got = queue.get();
      await clock.advance(1000);
      expect(await peek(got)).toBe('nothing');
    });

    it('have no delay when they wait already', async () => {
      const { clock, queue, peek } = aQueue();
      queue.add('a', 'low');
      queue.addAfter('a', 100);
      queue.add('b', 'low');
      expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
      queue.done('a');
      const got = queue.get();
      await clock.advance(1000);
      expect(await peek(got)).toBe('nothing');
    });

    it('wait until whoever works on them is done', async () => {
      const { clock, queue, peek } = aQueue();
      queue.add('a');
      await queue.get();
      queue.addAfter('a', 10);
      const got = queue.get();
      await clock.advance(50);
      expect(await peek(got)).toBe('nothing');
      queue.done('a');
      expect(await got).toBe('a');
    });

    it.each([0, -5, Number.NaN])('come at once after %d ms', async (delay) => {
      const { queue } = aQueue();
      queue.addAfter('a', delay);
      expect(await queue.get()).toBe('a');
    });

    it('never come after an endless delay', () => {
      const { clock, queue } = aQueue();
      queue.addAfter('a', Number.POSITIVE_INFINITY);
      expect(clock.timers).toBe(0);
    });

    it('may be months away, although a timer of Node may not', async () => {
      const waits: number[] = [];
      const clock = new ManualClock();
      const after = clock.after.bind(clock);
      clock.after = (ms, call) => {
        waits.push(ms);
        return after(ms, call);
      };
      const { queue } = aQueue({ clock });
      const month = 30 * 86_400_000;
      queue.addAfter('a', 2 * month);
      await clock.advance(2 * month - 1);
      expect(queue.depth).toBe(0);
      await clock.advance(1);
      expect(queue.depth).toBe(1);
      expect(Math.max(...waits)).toBeLessThan(2 ** 31);
    });

    it('come no earlier than they should when a timer fires too early', async () => {
      const clock = new ManualClock();
      const after = clock.after.bind(clock);
      let early = true;
      clock.after = (ms, call) => {
        const wait = early ? ms - 1 : ms;
        early = false;
        return after(wait, call);
      };
      const { queue } = aQueue({ clock });
      queue.addAfter('a', 100);
      await clock.advance(99);
      expect(queue.depth).toBe(0);
      await clock.advance(1);
      expect(queue.depth).toBe(1);
    });
  });

  describe('after failures', () => {
    it('doubles the pause of that key up to the cap, until it is forgotten', async () => {
      const { clock, queue } = aQueue({ maxDelayMs: 30 });
      const pauses: number[] = [];
      const fail = async () => {
        const before = clock.now();
        queue.addRateLimited('a');
        while (queue.depth === 0) await clock.advance(1);
        pauses.push(clock.now() - before);
        queue.done((await queue.get()) as string);
      };
      for (let i = 0; i < 5; i++) await fail();
      expect(queue.failures('a')).toBe(5);
      queue.forget('a');
      expect(queue.failures('a')).toBe(0);
      await fail();
      expect(pauses).toEqual([5, 10, 20, 30, 30, 5]);
    });

    it('counts each key by itself', async () => {
      const { clock, queue } = aQueue();
      queue.addRateLimited('a');
      queue.addRateLimited('a');
      queue.addRateLimited('b');
      await clock.advance(5);
      expect([await queue.get(), await queue.get()]).toEqual(['a', 'b']);
    });

    it('waits as long as the server asked', async () => {
      const { clock, queue } = aQueue();
      queue.addRateLimited('a', 2000);
      await clock.advance(1999);
      expect(queue.depth).toBe(0);
      await clock.advance(1);
      expect(queue.depth).toBe(1);
    });

    it('never waits longer than 1,000 s, after however many', async () => {
      const { clock, queue } = aQueue();
      for (let i = 0; i < 2000; i++) queue.addRateLimited('a');
      queue.add('a');
      queue.done((await queue.get()) as string);
      queue.addRateLimited('a');
      await clock.advance(999_999);
      expect(queue.depth).toBe(0);
      await clock.advance(1);
      expect(queue.depth).toBe(1);
    });
  });

  describe('at shutdown', () => {
    it('takes nothing more, drops what is delayed, hands out what waits, and ends', async () => {
      const { clock, queue } = aQueue();
      queue.add('a');
      queue.add('b');
      queue.addAfter('later', 10);
      const drained = queue.shutDown();
      queue.add('c');
      queue.addAfter('c', 5);
      queue.addRateLimited('c');
      expect(clock.timers).toBe(0);
      expect([await queue.get(), await queue.get(), await queue.get()]).toEqual(['a', 'b', undefined]);
      queue.done('a');
      queue.done('b');
      await drained;
    });

    it('is drained only when the last key is done, and worked on again if it was added before', async () => {
      const { queue, peek } = aQueue();
      queue.add('a');
      await queue.get();
      queue.add('a');
      let drained = false;
      void queue.shutDown().then(() => {
        drained = true;
      });
      queue.done('a');
      await settled();
      expect(drained).toBe(false);
      expect(await queue.get()).toBe('a');
      queue.done('a');
      await settled();
      expect(drained).toBe(true);
      expect(await peek(queue.get())).toBe(undefined);
    });

    it('sends waiting workers home', async () => {
      const { queue } = aQueue();
      const waiting = [queue.get(), queue.get()];
      await queue.shutDown();
      expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    });

    it('drops what waits when it is told to, also later', async () => {
      const { queue } = aQueue();
      queue.add('a');
      queue.add('b');
      queue.add('c', 'low');
      await queue.get();
      queue.add('a');
      const drained = queue.shutDown();
      void queue.shutDown({ discard: true });
      expect(await queue.get()).toBe(undefined);
      queue.done('a');
      await drained;
      expect(queue.depth).toBe(0);
    });
  });

  describe('metrics', () => {
    it('are there, as zeros, before anything happens', async () => {
      const { registry } = aQueue();
      const text = await registry.metrics();
      for (const name of [
        'workqueue_depth',
        'workqueue_adds_total',
        'workqueue_retries_total',
        'workqueue_unfinished_work_seconds',
        'workqueue_longest_running_processor_seconds',
        'workqueue_queue_duration_seconds_count',
        'workqueue_work_duration_seconds_count',
      ])
        expect(text).toContain(`${name}{name="jobs"} 0`);
    });

    it('tell of depth, adds, retries, waiting and work', async () => {
      const { clock, queue, metric } = aQueue();
      for (const key of ['a', 'b', 'b']) queue.add(key);
      queue.addRateLimited('c');
      expect(await metric('workqueue_depth')).toBe(2);
      expect(await metric('workqueue_adds_total')).toBe(2);
      expect(await metric('workqueue_retries_total')).toBe(1);
      await clock.advance(3000);
      await queue.get();
      await clock.advance(1000);
      await queue.get();
      await clock.advance(500);
      expect(await metric('workqueue_adds_total')).toBe(3);
      expect(await metric('workqueue_queue_duration_seconds_count')).toBe(2);
      expect(await metric('workqueue_queue_duration_seconds_sum')).toBe(7);
      expect(await metric('workqueue_unfinished_work_seconds')).toBe(2);
      expect(await metric('workqueue_longest_running_processor_seconds')).toBe(1.5);
      queue.done('a');
      expect(await metric('workqueue_work_duration_seconds_sum')).toBe(1.5);
      expect(await metric('workqueue_unfinished_work_seconds')).toBe(0.5);
    });

    it('count a key that is added while it is worked on as waiting', async () => {
      const { clock, queue, metric } = aQueue();
      queue.add('a');
      await queue.get();
      queue.add('a');
      expect(await metric('workqueue_depth')).toBe(1);
      await clock.advance(1000);
      queue.done('a');
      await queue.get();
      expect(await metric('workqueue_adds_total')).toBe(2);
      expect(await metric('workqueue_queue_duration_seconds_sum')).toBe(1);
    });

    it('are shared by all queues of a registry, and know nothing of those that have ended', async () => {
      const { clock, registry, queue } = aQueue();
      const other = new WorkQueue({ name: 'other', clock, registry });
      other.add('a');
      expect(await metricValue(registry, 'workqueue_depth', { name: 'other' })).toBe(1);
      expect(await metricValue(registry, 'workqueue_depth', { name: 'jobs' })).toBe(0);
      await queue.shutDown();
      expect(await metricValue(registry, 'workqueue_depth', { name: 'jobs' })).toBe(undefined);
    });
  });

  it('loses no key and never runs one twice at a time, whatever happens in whatever order', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const priority = fc.constantFrom('normal' as const, 'low' as const);
    const step = fc.oneof(
      fc.record({ type: fc.constant('add' as const), key, priority }),
      fc.record({ type: fc.constant('after' as const), key, priority, ms: fc.integer({ min: 0, max: 40 }) }),
      fc.record({ type: fc.constant('fail' as const), key }),
      fc.record({ type: fc.constant('get' as const) }),
      fc.record({ type: fc.constant('done' as const), pick: fc.nat(5) }),
      fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 60 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, queue } = aQueue();
        const working: string[] = [];
        /** Keys that were asked for since they were last handed out, with the time when they have to come at the latest. */
        const owed = new Map<string, number>();
        const owe = (it: string, ms: number) =>
          owed.set(it, Math.min(owed.get(it) ?? Number.POSITIVE_INFINITY, clock.now() + ms));
        const take = async () => {
          const got = (await queue.get()) as string;
          expect(working).not.toContain(got);
          expect(owed.has(got), `${got} comes although nobody asked`).toBe(true);
          owed.delete(got);
          working.push(got);
        };
        for (const it of steps) {
          if (it.type === 'add') {
            queue.add(it.key, it.priority);
            owe(it.key, 0);
          }
          if (it.type === 'after') {
            queue.addAfter(it.key, it.ms, it.priority);
            owe(it.key, it.ms);
          }
          if (it.type === 'fail') {
            const pause = Math.min(1_000_000, 5 * 2 ** queue.failures(it.key));
            queue.addRateLimited(it.key);
            owe(it.key, pause);
          }
          if (it.type === 'get') {
            const ready = [...owed].some(([k, at]) => at <= clock.now() && !working.includes(k));
            if (ready) await take();
          }
          if (it.type === 'done') {
            const [ended] = working.splice(it.pick % Math.max(1, working.length), 1);
            if (ended !== undefined) queue.done(ended);
          }
          if (it.type === 'time') await clock.advance(it.ms);
          const due = [...owed].filter(([, at]) => at <= clock.now());
          expect(queue.depth).toBe(due.length);
          expect(queue.active).toBe(working.length);
        }
        for (const ended of working.splice(0)) queue.done(ended);
        await clock.advance(2_000_000);
        while (owed.size > 0) await take();
        expect(queue.depth).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
