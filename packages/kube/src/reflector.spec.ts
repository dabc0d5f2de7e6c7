import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { ManualClock, settled } from '../test/manual-clock.js';
import { anObject } from '../test/manual-source.js';
import { metricValue } from '../test/metric-value.js';
import { RecordedLog } from '../test/recorded-log.js';
import { aList, expired, internal, ScriptedApi, unreachable } from '../test/scripted-api.js';
import type { WatchEvent } from './api.js';
import { KubeApiError } from './error.js';
import type { Kind } from './kind.js';
import { CoreEvents, Jobs } from './kinds.js';
import type { KubeObject } from './object.js';
import { Reflector, type ReflectorOptions, withoutManagedFields } from './reflector.js';

const at = (resourceVersion: string, key = 'x/a') => anObject(key, { resourceVersion });
const refused = (status: number, reason: string) => new KubeApiError(reason, { status, reason });

function running(options: Partial<ReflectorOptions<KubeObject>> = {}, ...pages: ScriptedApi['pages']) {
  const api = new ScriptedApi();
  api.pages.push(...pages);
  const clock = new ManualClock();
  const log = new RecordedLog();
  const registry = new Registry();
  const seen: string[] = [];
  const stop = new AbortController();
  const reflector = new Reflector<KubeObject>({
    api,
    kind: Jobs as unknown as Kind<KubeObject>,
    environment: { clock, random: () => 0, log },
    registry,
    sink: {
      replace: (items, version) => seen.push(`${items.length} as of ${version}`),
      see: (event: WatchEvent<KubeObject>) =>
        seen.push(
          event.type === 'BOOKMARK'
            ? `BOOKMARK ${event.resourceVersion}`
            : `${event.type} ${event.object.metadata.resourceVersion}`,
        ),
    },
    ...options,
  });
  const run = reflector.run(stop.signal);
  const ended = async () => {
    stop.abort();
    await run;
    await settled();
    return clock.timers;
  };
  return { api, clock, log, registry, seen, stop, reflector, run, ended };
}

describe('a reflector', () => {
  it('lists, then watches from there with a timeout of its own, and tells when it is synced', async () => {
    const { api, seen, reflector, ended } = running(
      { namespace: 'x', labelSelector: 'k=v', fieldSelector: 'f=1' },
      aList('7', at('3')),
    );
    expect(reflector.hasSynced).toBe(false);
    await reflector.synced;
    await settled();
    expect(reflector.hasSynced).toBe(true);
    api.watching.push('MODIFIED', at('8'));
    api.watching.bookmark('12');
    await settled();
    expect(api.calls).toEqual(['x list', 'x watch from=7']);
    expect(api.watching.options).toMatchObject({
      namespace: 'x',
      labelSelector: 'k=v',
      fieldSelector: 'f=1',
      timeoutSeconds: 300,
    });
    expect(seen).toEqual(['1 as of 7', 'MODIFIED 8', 'BOOKMARK 12']);
    expect(await ended()).toBe(0);
  });

  it('asks the server to end watches after 5 to 10 minutes by chance', async () => {
    const { api, ended } = running(
      { environment: { clock: new ManualClock(), random: () => 0.999, log: new RecordedLog() } },
      aList('7'),
    );
    await settled();
    expect(api.watching.options.timeoutSeconds).toBe(600);
    await ended();
  });

  it('goes on from the last event or bookmark when the server ends the watch', async () => {
    const { api, clock, ended } = running({}, aList('7'));
    await settled();
    api.watching.push('ADDED', at('8'));
    api.watching.end();
    await settled();
    expect(api.calls).toEqual(['list', 'watch from=7', 'watch from=8']);
    api.watching.bookmark('20');
    await clock.advance(5000);
    api.watching.end();
    await settled();
    expect(api.calls.at(-1)).toBe('watch from=20');
    expect(await ended()).toBe(0);
  });

  it('is not taken back by an event that comes twice', async () => {
    const { api, ended } = running({}, aList('7'));
    await settled();
    for (const version of ['8', '9', '8']) api.watching.push('MODIFIED', at(version));
    api.watching.end();
    await settled();
    expect(api.calls.at(-1)).toBe('watch from=9');
    await ended();
  });

  it('waits before it watches again when a watch ends at once without an object', async () => {
    const { api, clock, registry, ended } = running({}, aList('7'));
    await settled();
    api.watching.bookmark('9');
    api.watching.end();
    await clock.advance(799);
    expect(api.watches.length).toBe(1);
    await clock.advance(1);
    expect(api.calls.at(-1)).toBe('watch from=9');
    expect(await metricValue(registry, 'reflector_short_watches_total', { name: 'jobs.batch' })).toBe(1);
    await ended();
  });

  it.each([
    ['a cut connection', unreachable()],
    ['a request that timed out', refused(0, 'Timeout')],
    ['a server that asks for patience', refused(429, 'TooManyRequests')],
  ])('goes on where it was after %s, and waits before', async (_, error) => {
    const { api, clock, log, ended } = running({}, aList('7'));
    await settled();
    api.watching.push('ADDED', at('8'));
    api.watching.fail(error);
    await clock.advance(799);
    expect(api.calls).toEqual(['list', 'watch from=7']);
    await clock.advance(1);
    expect(api.calls).toEqual(['list', 'watch from=7', 'watch from=8']);
    expect(log.at('warn')).toEqual(['what is watched may be late; the watch goes on where it was']);
    await ended();
  });

  it.each([
    ['410', expired()],
    ['a 500 in the stream', internal()],
    ['a version the server does not know yet', refused(504, 'Timeout')],
    ['an answer that is none', refused(200, 'InvalidAnswer')],
    ['a right that was taken away', refused(403, 'Forbidden')],
    ['an error of another kind', new TypeError('odd')],
  ])('lists again after %s', async (_, error) => {
    const { api, clock, seen, ended } = running({}, aList('7', at('3')), aList('20'));
    await settled();
    api.watching.fail(error);
    await clock.advance(800);
    expect(api.calls).toEqual(['list', 'watch from=7', 'list', 'watch from=20']);
    expect(seen).toEqual(['1 as of 7', '0 as of 20']);
    expect(await ended()).toBe(0);
  });

  it('tells a 410 as information, a failure of its own as an error, and counts them by reason', async () => {
    const { api, clock, log, registry, ended } = running({}, aList('7'), aList('8'), aList('9'));
    await settled();
    api.watching.fail(expired());
    await clock.advance(800);
    api.watching.fail(new TypeError('odd'));
    await clock.advance(1600);
    api.watching.fail(refused(418, 'not a reason, but a novel'));
    await settled();
    expect(log.at('info')).toEqual(['the watch is too old; a new list comes']);
    expect(log.at('error')).toEqual(['a reflector failed by itself; a new list comes']);
    for (const reason of ['Expired', 'Internal', 'Unknown']) {
      expect(await metricValue(registry, 'reflector_errors_total', { name: 'jobs.batch', reason })).toBe(1);
    }
    expect(await metricValue(registry, 'reflector_lists_total', { name: 'jobs.batch' })).toBe(3);
    expect(await metricValue(registry, 'reflector_watches_total', { name: 'jobs.batch' })).toBe(3);
    expect(await metricValue(registry, 'reflector_items_per_list_count', { name: 'jobs.batch' })).toBe(3);
    await ended();
  });

  it('lists again and again, with growing pauses, until it works', async () => {
    const { api, clock, reflector, ended } = running(
      {},
      unreachable(),
      refused(403, 'Forbidden'),
      internal(),
      aList('7'),
    );
    await settled();
    const counts: number[] = [];
    for (const ms of [799, 1, 1599, 1, 3199, 1]) {
      await clock.advance(ms);
      counts.push(api.calls.length);
    }
    expect(counts).toEqual([1, 2, 2, 3, 3, 5]);
    expect(reflector.hasSynced).toBe(true);
    await ended();
  });

  it('that may not read says so once, asks no more often than any other that fails, and tells when it may again', async () => {
    const told: boolean[] = [];
    const forbidden = () => refused(403, 'Forbidden');
    const no = Array.from({ length: 20 }, forbidden);
    const { api, clock, log, reflector, ended } = running(
      { onRefused: (it) => told.push(it) },
      aList('7'),
      ...no,
      aList('8'),
    );
    await settled();
    expect(reflector.refused).toBe(false);
    api.watching.fail(forbidden());
    await settled();
    expect([reflector.refused, told]).toEqual([false, []]);
    await clock.advance(800);
    expect([reflector.refused, told]).toEqual([true, [true]]);
    await clock.advance(60_000);
    const asked = api.lists.length;
    await clock.advance(300_000);
    expect(api.lists.length - asked).toBe(10);
    expect(log.at('warn')).toHaveLength(2);
    await clock.advance(300_000);
    expect([reflector.refused, reflector.hasSynced, told]).toEqual([false, true, [true, false]]);
    await ended();
  });

  it('pauses longer when lists work but watches always fail, and short again after one that lived', async () => {
    const { api, clock, ended } = running({}, aList('7'), aList('8'), aList('9'), aList('10'));
    await settled();
    api.watching.fail(internal());
    await clock.advance(800);
    api.watching.fail(internal());
    await clock.advance(1599);
    expect(api.lists.length).toBe(2);
    await clock.advance(1);
    expect(api.lists.length).toBe(3);
    await clock.advance(10_000);
    api.watching.fail(internal());
    await clock.advance(800);
    expect(api.lists.length).toBe(4);
    await ended();
  });

  it('cuts a watch that is silent for too long, and goes on where it was', async () => {
    const { api, clock, registry, ended } = running({ stallMs: 60_000 }, aList('7'));
    await settled();
    await clock.advance(59_000);
    api.watching.bookmark('9');
    await clock.advance(59_000);
    expect(api.watching.options.signal.aborted).toBe(false);
    const silent = api.watching;
    await clock.advance(1_000);
    expect([silent.options.signal.aborted, silent.returned]).toEqual([true, true]);
    await clock.advance(800);
    expect(api.calls).toEqual(['list', 'watch from=7', 'watch from=9']);
    expect(await metricValue(registry, 'reflector_errors_total', { name: 'jobs.batch', reason: 'Stalled' })).toBe(1);
    expect(await ended()).toBe(0);
  });

  it.each([
    [0, 96],
    [0.999, 192],
  ])('has watches without bookmarks ended by the server before their silence is a fault', async (chance, seconds) => {
    const clock = new ManualClock();
    const log = new RecordedLog();
    const environment = { clock, random: () => chance, log };
    const kind = CoreEvents as unknown as Kind<KubeObject>;
    const { api, registry, ended } = running({ kind, environment }, aList('7'));
    await settled();
    expect(api.watching.options.timeoutSeconds).toBe(seconds);
    for (let watches = 1; watches <= 5; watches++) {
      await clock.advance(seconds * 1000);
      api.watching.end();
      await settled();
    }
    expect(api.calls).toEqual(['list', ...Array(6).fill('watch from=7')]);
    expect(log.lines).toEqual([]);
    // One that nobody ends is dead.
    await clock.advance(240_000);
    expect(await metricValue(registry, 'reflector_errors_total', { name: 'events', reason: 'Stalled' })).toBe(1);
    expect(await ended()).toBe(0);
  });

  it('ends at once while it watches, and hears nothing after that', async () => {
    const { api, seen, ended } = running({}, aList('7'));
    await settled();
    const watch = api.watching;
    expect(await ended()).toBe(0);
    watch.push('ADDED', at('8'));
    await settled();
    expect([watch.options.signal.aborted, watch.returned, seen]).toEqual([true, true, ['0 as of 7']]);
  });

  it('ends at once while it lists, and opens no watch after that', async () => {
    const { api, seen, ended } = running({}, 'hangs');
    await settled();
    expect(await ended()).toBe(0);
    expect([api.calls, seen]).toEqual([['list'], []]);
  });

  it('ends at once while it waits', async () => {
    const { api, ended } = running({}, unreachable());
    await settled();
    expect(await ended()).toBe(0);
    expect(api.calls).toEqual(['list']);
  });

  it('does nothing when it is aborted before it began', async () => {
    const api = new ScriptedApi();
    const environment = { clock: new ManualClock(), random: () => 0, log: new RecordedLog() };
    const sink = { replace: () => {}, see: () => {} };
    await new Reflector({ api, kind: Jobs, environment, sink }).run(AbortSignal.abort());
    expect(api.calls).toEqual([]);
  });

  it('keeps quiet about an error that comes with the abort', async () => {
    const { api, log, stop, run } = running({}, aList('7'));
    await settled();
    api.watching.fail(unreachable());
    stop.abort();
    await run;
    expect(log.lines).toEqual([]);
  });

  it('runs once at a time, and goes on where it was in the next run', async () => {
    const { api, reflector, stop, run } = running({}, aList('7'));
    await settled();
    await expect(reflector.run(new AbortController().signal)).rejects.toThrow('runs already');
    expect(api.watches.length).toBe(1);
    stop.abort();
    await run;
    const again = new AbortController();
    const second = reflector.run(again.signal);
    await settled();
    expect(api.calls).toEqual(['list', 'watch from=7', 'watch from=7']);
    again.abort();
    await second;
  });

  it('lists again when what it is given cannot be kept', async () => {
    let odd = true;
    const { api, clock, log, ended } = running(
      {
        transform: (object) => {
          if (odd && object.metadata.resourceVersion === '8') throw new Error('odd');
          return object;
        },
      },
      aList('7'),
      aList('9', at('8')),
    );
    await settled();
    api.watching.push('ADDED', at('8'));
    await settled();
    odd = false;
    await clock.advance(800);
    expect(api.calls).toEqual(['list', 'watch from=7', 'list', 'watch from=9']);
    expect(log.at('error').length).toBe(1);
    await ended();
  });
});

describe('withoutManagedFields', () => {
  it('takes them away and leaves all else', () => {
    const object = at('1');
    const full = { ...object, spec: { x: 1 }, metadata: { ...object.metadata, managedFields: [{}] } };
    expect(withoutManagedFields(full)).toEqual({ ...object, spec: { x: 1 } });
    expect(withoutManagedFields(object)).toBe(object);
  });
});
