import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { anObject } from '../test/manual-source.js';
import { inOrder, lostAfter, lostBefore, refused, World } from '../test/memory-api/index.js';
import { metricValue } from '../test/metric-value.js';
import { RecordedLog } from '../test/recorded-log.js';
import type { KubeApi } from './api.js';
import { KubeApiError } from './error.js';
import type { EventDraft } from './event-draft.js';
import { EventRecorder, type EventRecorderOptions } from './events.js';
import { Events, type KubeEvent } from './kinds/event.js';

const MINUTE = 60_000;

function aRecorder(options: Partial<EventRecorderOptions> = {}) {
  const world = new World({ choose: inOrder });
  const log = new RecordedLog();
  const { api, environment } = world.process('p', { log });
  const registry = new Registry();
  const recorder = new EventRecorder({
    api,
    environment,
    registry,
    reportingController: 'example.com/controller',
    reportingInstance: 'pod-1',
    ...options,
  });
  const draft = (change: Partial<EventDraft> = {}): EventDraft => ({
    regarding: anObject('ns/talk'),
    type: 'Normal',
    reason: 'Started',
    action: 'Reconcile',
    note: 'It has begun.',
    ...change,
  });
  const events = () => world.server.all(Events);
  const counts = () => events().map((it) => `${it.reason} ${it.series?.count ?? 1}`);
  /** Everything that can be done now, without waiting for a timer of more than so many ms. */
  const after = (ms = 100) => world.simulation.runFor(ms);
  const dropped = (reason: string) => metricValue(registry, 'event_recorder_dropped_total', { reason });
  const written = () => metricValue(registry, 'event_recorder_writes_total');
  return { world, api, log, recorder, draft, events, counts, after, dropped, written };
}

describe('an event recorder', () => {
  it('writes an event as events.k8s.io has it', async () => {
    const { recorder, draft, events, after, written } = aRecorder();
    recorder.record(draft({ related: anObject('ns/child', { resourceVersion: '7' }, 'Job') }));
    await after();
    const [event] = events();
    expect(event).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace: 'ns', name: expect.stringMatching(/^talk\.[0-9a-f]{16}$/) },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'example.com/controller',
      reportingInstance: 'pod-1',
      action: 'Reconcile',
      reason: 'Started',
      regarding: {
        apiVersion: 'example.com/v1',
        kind: 'Thing',
        namespace: 'ns',
        name: 'talk',
        uid: 'uid-of-ns/talk',
        resourceVersion: '1',
      },
      related: { kind: 'Job', name: 'child', resourceVersion: '7' },
      note: 'It has begun.',
      type: 'Normal',
    });
    expect(event).not.toHaveProperty('series');
    expect(await written()).toBe(1);
  });

  it('tells of objects of the whole cluster in the namespace default', async () => {
    const { recorder, draft, events, after } = aRecorder();
    const { metadata, ...node } = anObject('x/node', {}, 'Node');
    const { namespace: _, ...rest } = metadata;
    recorder.record(draft({ regarding: { ...node, metadata: rest } }));
    await after();
    expect(events()[0]).toMatchObject({ metadata: { namespace: 'default' } });
    expect(events()[0]?.regarding).not.toHaveProperty('namespace');
  });

  it('cuts what the server would refuse', async () => {
    const { recorder, draft, events, after } = aRecorder({ reportingInstance: 'i'.repeat(300) });
    recorder.record(
      draft({
        regarding: anObject(`ns/${'n'.repeat(253)}`),
        reason: 'r'.repeat(300),
        action: 'a'.repeat(300),
        note: 'é'.repeat(2000),
      }),
    );
    await after();
    const event = events()[0] as KubeEvent;
    const bytes = (text: string | undefined) => Buffer.byteLength(text ?? '');
    expect(bytes(event.note)).toBeLessThanOrEqual(1024);
    expect(event.note?.endsWith('é…')).toBe(true);
    expect([bytes(event.reason), bytes(event.action), bytes(event.reportingInstance)]).toEqual([128, 128, 128]);
    expect(event.metadata.name.length).toBeLessThanOrEqual(253);
    expect(event.regarding?.name).toHaveLength(253);
  });

  describe('makes a series of equal events', () => {
    it('whose second is written at once, and those after it once a minute', async () => {
      const { recorder, draft, api, events, counts, after } = aRecorder();
      recorder.record(draft());
      await after();
      recorder.record(draft());
      await after();
      expect(counts()).toEqual(['Started 2']);
      expect(events()[0]?.series?.lastObservedTime).toBe('2026-01-01T00:00:00.100000Z');
      for (let i = 0; i < 50; i++) recorder.record(draft());
      await after();
      expect(counts()).toEqual(['Started 2']);
      await after(2 * MINUTE);
      expect(counts()).toEqual(['Started 52']);
      expect(events()[0]?.eventTime).toBe('2026-01-01T00:00:00.000000Z');
      expect(api.calls.map((it) => it.verb)).toEqual(['create', 'patch', 'patch']);
    });

    it('in one write when they come faster than they can be written', async () => {
      const { recorder, draft, api, counts, after } = aRecorder();
      for (let i = 0; i < 5; i++) recorder.record(draft());
      await after();
      expect([counts(), api.calls.length]).toEqual([['Started 5'], 1]);
    });

    const others: Record<string, Partial<EventDraft>> = {
      'another object': { regarding: anObject('ns/other') },
      'a new object of the same name': { regarding: anObject('ns/talk', { uid: 'new' }) },
      'another related object': { related: anObject('ns/child') },
      'another type': { type: 'Warning' },
      'another reason': { reason: 'Failed' },
      'another action': { action: 'Delete' },
      'another note': { note: 'It has begun again.' },
    };
    it.each(Object.entries(others))('and another one for %s', async (_, change) => {
      const { recorder, draft, counts, after } = aRecorder();
      recorder.record(draft());
      recorder.record(draft(change));
      await after();
      expect(counts()).toHaveLength(2);
    });

    it('also when only their notes differ, if they are said to be of one class', async () => {
      const { recorder, draft, events, counts, after } = aRecorder();
      recorder.record(draft({ note: 'waits for 5 s', noteClass: 'waits' }));
      recorder.record(draft({ note: 'waits for 10 s', noteClass: 'waits' }));
      await after();
      expect(counts()).toEqual(['Started 2']);
      expect(events()[0]?.note).toBe('waits for 5 s');
    });

    it('that ends when nothing was added for six minutes, with its last count', async () => {
      const { recorder, draft, events, after } = aRecorder();
      recorder.record(draft());
      await after(6 * MINUTE);
      recorder.record(draft());
      await after(6 * MINUTE);
      expect(events().map((it) => it.series?.count)).toEqual([2]);
      await after(MINUTE);
      recorder.record(draft());
      await after();
      expect(events().map((it) => it.series?.count)).toEqual(expect.arrayContaining([2, undefined]));
    });

    it('and ends it as well when the next one comes before anybody looked', async () => {
      const { recorder, draft, events, world, after } = aRecorder();
      recorder.record(draft());
      await after();
      world.simulation.pause('p');
      await world.simulation.runFor(20 * MINUTE);
      world.simulation.resume('p');
      recorder.record(draft());
      await after();
      expect(events()).toHaveLength(2);
    });

    it('and makes another event when the server has forgotten the first', async () => {
      const { world, recorder, draft, events, counts, after } = aRecorder();
      recorder.record(draft());
      await after();
      const [first] = events();
      world.server.delete(Events, first?.metadata as KubeEvent['metadata'], { propagationPolicy: 'Background' });
      recorder.record(draft());
      await after();
      expect(counts()).toEqual(['Started 2']);
      expect(events()[0]?.metadata.name).not.toBe(first?.metadata.name);
      expect(events()[0]?.eventTime).toBe(first?.eventTime);
    });

    it('and writes its count later when there is no room for it now, or the write fails', async () => {
      const { recorder, draft, api, counts, after } = aRecorder({ maxQueued: 1 });
      recorder.record(draft());
      await after();
      recorder.record(draft({ reason: 'Failed' }));
      recorder.record(draft());
      await after();
      expect(counts().sort()).toEqual(['Failed 1', 'Started 1']);
      api.faults = (call) => (call.verb === 'patch' && api.calls.length === 3 ? lostBefore : undefined);
      await after(MINUTE + 2000);
      expect(counts().sort()).toEqual(['Failed 1', 'Started 2']);
      expect(api.calls.map((it) => it.verb)).toEqual(['create', 'create', 'patch', 'patch']);
    });

    it('of one, of which nothing more is written, however long its write takes', async () => {
      const { recorder, draft, api, events, after } = aRecorder();
      const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
      const { create, patch } = api;
      api.create = (async (...args: Parameters<typeof create>) => {
        await answered;
        return create.apply(api, args);
      }) as typeof create;
      const patched: unknown[] = [];
      api.patch = (async (...args: Parameters<typeof patch>) => {
        patched.push(args);
        return patch.apply(api, args);
      }) as typeof patch;
      recorder.record(draft());
      await after(2 * MINUTE);
      answer();
      await after(2 * MINUTE);
      expect(events()).toHaveLength(1);
      expect(patched).toEqual([]);
    });

    it('and ends the oldest one when there are too many', async () => {
      const { recorder, draft, events, after } = aRecorder({ maxQueued: 10_000 });
      const other = (i: number) => draft({ regarding: anObject(`ns/other-${i}`) });
      recorder.record(draft());
      for (let i = 0; i < 4096; i++) recorder.record(other(i));
      recorder.record(draft());
      recorder.record(other(4095));
      await after();
      expect(events().filter((it) => it.regarding?.name === 'talk')).toHaveLength(2);
      expect(
        events()
          .filter((it) => it.regarding?.name === 'other-4095')
          .map((it) => it.series?.count),
      ).toEqual([2]);
    });

    it('and comes to rest', async () => {
      const { world, recorder, draft } = aRecorder();
      for (let i = 0; i < 3; i++) recorder.record(draft());
      await world.simulation.run();
      expect(world.simulation.pending).toBe(0);
    });
  });

  describe('drops, and counts', () => {
    it('what goes beyond the budget of an object', async () => {
      const { recorder, draft, events, after, dropped } = aRecorder();
      for (let i = 0; i < 40; i++) recorder.record(draft({ note: `note ${i}` }));
      recorder.record(draft({ regarding: anObject('ns/other') }));
      await after();
      expect(events()).toHaveLength(26);
      expect(await dropped('rate_limited')).toBe(15);
    });

    it('what does not fit into the queue', async () => {
      const { recorder, draft, events, after, dropped, log } = aRecorder({ maxQueued: 3 });
      for (let i = 0; i < 5; i++) recorder.record(draft({ note: `note ${i}` }));
      expect(await dropped('queue_full')).toBe(2);
      await after();
      expect(events().map((it) => it.note)).toEqual(expect.arrayContaining(['note 0', 'note 1', 'note 2']));
      expect(log.at('debug')).toHaveLength(2);
    });

    it('what the server refuses, at once', async () => {
      const { world, recorder, draft, api, after, dropped, log } = aRecorder();
      world.server.admit = () => refused(403, 'Forbidden', 'the namespace is being terminated');
      recorder.record(draft());
      await after();
      expect([api.calls.length, await dropped('failed'), log.at('warn').length]).toEqual([1, 1, 1]);
      world.server.admit = () => undefined;
      recorder.record(draft());
      await after();
      expect(world.server.all(Events)).toHaveLength(1);
    });

    it('what fails by a mistake in the program, at once', async () => {
      let tries = 0;
      const create = () => {
        tries += 1;
        return Promise.reject(new TypeError('x is not a function'));
      };
      const { recorder, draft, after, dropped } = aRecorder({ api: { create } as unknown as KubeApi });
      recorder.record(draft());
      await after(20_000);
      expect([tries, await dropped('failed')]).toEqual([1, 1]);
    });

    it('what cannot be written in four tries', async () => {
      const { recorder, draft, api, after, dropped } = aRecorder();
      api.faults = () => lostBefore;
      recorder.record(draft());
      await after(6_000);
      expect([api.calls.length, await dropped('failed')]).toEqual([3, 0]);
      await after(2_000);
      expect([api.calls.length, await dropped('failed')]).toEqual([4, 1]);
    });

    it('what comes after it was closed', async () => {
      const { recorder, draft, dropped } = aRecorder();
      await recorder.close(1000);
      recorder.record(draft());
      expect(await dropped('closed')).toBe(1);
    });

    it('what makes no sense, and never throws', async () => {
      const { recorder, draft, dropped } = aRecorder();
      recorder.record({ ...draft(), regarding: undefined } as unknown as EventDraft);
      expect(await dropped('failed')).toBe(1);
    });

    it('nothing, at the beginning', async () => {
      const { dropped } = aRecorder();
      for (const reason of ['rate_limited', 'queue_full', 'failed', 'closed']) expect(await dropped(reason)).toBe(0);
    });
  });

  describe('tries again', () => {
    it('after one, two and four seconds, when the server cannot be reached', async () => {
      const { world, recorder, draft, api, counts, after } = aRecorder();
      let n = 0;
      api.faults = () => (n++ < 3 ? lostBefore : undefined);
      const start = world.simulation.now;
      recorder.record(draft());
      await after(10_000);
      expect(api.calls.map((it) => it.sentAt - start)).toEqual([0, 1000, 3000, 7000]);
      expect(counts()).toEqual(['Started 1']);
    });

    it('no sooner than the server asked', async () => {
      const { world, recorder, draft, api, after } = aRecorder();
      const slowDown = new KubeApiError('slow down', { status: 429, reason: 'TooManyRequests', retryAfterMs: 9000 });
      api.faults = () => (api.calls.length === 1 ? { applied: false, answer: slowDown } : undefined);
      const start = world.simulation.now;
      recorder.record(draft());
      await after(20_000);
      expect(api.calls.map((it) => it.sentAt - start)).toEqual([0, 9000]);
    });

    it('and writes an event once, although the answer of the first try was lost', async () => {
      const { recorder, draft, api, counts, after, dropped } = aRecorder();
      api.faults = () => (api.calls.length === 1 ? lostAfter : undefined);
      recorder.record(draft());
      await after(2000);
      expect([api.calls.length, counts(), await dropped('failed')]).toEqual([2, ['Started 1'], 0]);
    });
  });

  describe('when it is closed', () => {
    it('writes what waits, and the counts of series', async () => {
      const { world, recorder, draft, counts, after } = aRecorder();
      recorder.record(draft());
      await after();
      for (let i = 0; i < 9; i++) recorder.record(draft());
      await after();
      recorder.record(draft({ reason: 'Failed' }));
      const closed = recorder.close(5000);
      await world.simulation.run();
      await closed;
      expect(counts().sort()).toEqual(['Failed 1', 'Started 10']);
      expect(world.simulation.pending).toBe(0);
    });

    it('waits no longer than it may', async () => {
      const { world, recorder, draft, api, dropped } = aRecorder();
      api.faults = () => lostBefore;
      recorder.record(draft());
      recorder.record(draft({ reason: 'Failed' }));
      const start = world.simulation.now;
      const closed = recorder.close(2500);
      await world.simulation.run();
      await closed;
      expect(world.simulation.now - start).toBe(2500);
      expect(((await dropped('failed')) as number) + ((await dropped('closed')) as number)).toBe(2);
    });
  });
});
