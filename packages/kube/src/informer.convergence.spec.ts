import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock, settled } from '../test/manual-clock.js';
import { ModelServer } from '../test/model-server.js';
import { RecordedLog } from '../test/recorded-log.js';
import { Informer } from './informer.js';
import type { Kind } from './kind.js';
import { ConfigMaps } from './kinds.js';
import { type KubeObject, keyOf } from './object.js';
import type { Change } from './source.js';

const key = fc.constantFrom('x/a', 'x/b', 'x/c', 'x/d', 'x/e');

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), key }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), key }) },
  // The answer of a write reaches the store at once, or after some of what follows.
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write and put' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('write and put later' as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('put now' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 40_000 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('cut', 'end', 'err', 'forget', 'hold', 'letGo', 'bookmark', 'skip' as const),
    }),
  },
  // A list under way, while more happens.
  { weight: 2, arbitrary: fc.record({ do: fc.constant('begin a list' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('failLists' as const), times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), count: fc.integer({ min: 1, max: 5 }) }) },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What a subscriber believes, from changes alone; any that does not follow from the last is an error. */
class Believer {
  readonly objects = new Map<string, KubeObject>();
  readonly #newest = new Map<string, number>();

  readonly hear = ({ type, object, previous }: Change<KubeObject>): void => {
    const known = this.objects.get(keyOf(object));
    const version = Number(object.metadata.resourceVersion);
    if (type === 'added') expect(known).toBeUndefined();
    if (type === 'updated') {
      expect(previous).toBe(known);
      expect(previous?.metadata.uid).toBe(object.metadata.uid);
    }
    if (type === 'deleted') {
      expect(known?.metadata.uid).toBe(object.metadata.uid);
      this.objects.delete(keyOf(object));
      return;
    }
    // Nobody is ever taken back in time.
    expect(version).toBeGreaterThan(this.#newest.get(keyOf(object)) ?? 0);
    this.#newest.set(keyOf(object), version);
    this.objects.set(keyOf(object), object);
  };
}

async function live(steps: readonly Step[], pageSize: number): Promise<void> {
  const server = new ModelServer();
  const clock = new ManualClock();
  const log = new RecordedLog();
  const believer = new Believer();
  const stop = new AbortController();
  const informer = new Informer<KubeObject>({
    api: server,
    kind: ConfigMaps as Kind<KubeObject>,
    environment: { clock, random: () => 0.5, log },
    pageSize,
    indexes: { uid: ({ metadata }) => [metadata.uid] },
  });
  informer.subscribe(believer.hear);
  const run = informer.run(stop.signal);
  const later: KubeObject[] = [];
  for (const it of steps) {
    switch (it.do) {
      case 'write':
        server.write(it.key);
        break;
      case 'write and put':
        informer.put(structuredClone(server.write(it.key)));
        break;
      case 'write and put later':
        later.push(structuredClone(server.write(it.key)));
        break;
      case 'put now':
        for (const object of later.splice(0)) informer.put(object);
        break;
      case 'remove':
        server.remove(it.key);
        break;
      case 'wait':
        await clock.advance(it.ms);
        break;
      case 'begin a list':
        server.hold();
        server.err();
        await clock.advance(30_000);
        break;
      case 'failLists':
        server.failLists(it.times);
        break;
      case 'repeat':
        server.repeat(it.count);
        break;
      default:
        server[it.do]();
    }
    await settled();
  }
  server.letGo();
  for (const object of later) informer.put(object);
  await clock.advance(10 * 60_000);

  const byKey = (objects: Iterable<KubeObject>) => new Map([...objects].map((object) => [keyOf(object), object]));
  expect(byKey(informer.store.list())).toEqual(server.objects);
  expect(believer.objects).toEqual(server.objects);
  for (const object of server.objects.values()) {
    expect(informer.store.byIndex('uid', object.metadata.uid)).toEqual([object]);
  }
  expect(log.at('error')).toEqual([]);
  stop.abort();
  await run;
  expect(clock.timers).toBe(0);
}

describe('an informer', () => {
  it('ends with what the server has, whatever happens in between, and tells every change in order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 2, 500), live), {
      numRuns: 300,
    });
  }, 120_000);
});
