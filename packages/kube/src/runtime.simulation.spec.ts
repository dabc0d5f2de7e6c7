import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Call,
  collectGarbage,
  lostAfter,
  lostBefore,
  type Process,
  unanswered,
  unreachable,
  World,
} from '../test/memory-api/index.js';
import { aThing, ref, type Thing, Things } from '../test/memory-api/things.js';
import { Controller } from './controller.js';
import { LeaderElector } from './election.js';
import { isAlreadyExists } from './error.js';
import { fenced } from './fence.js';
import { Informer } from './informer.js';
import { type ConfigMap, ConfigMaps } from './kinds/core.js';
import { Leases } from './kinds/lease.js';
import type { Leadership } from './leadership.js';
import { Manager } from './manager.js';
import { refOf } from './object.js';
import { StatusWriter } from './status.js';
import { owns, watches } from './watches.js';

const NAMES = ['a', 'b', 'c', 'd'];
const CHAOS_MS = 120_000;
const FINALIZER = 'example.com/tidy';

/** What the controller under test makes of a Thing: a ConfigMap that tells its size, and a status that says so. */
const childOf = ({ metadata, spec }: Thing) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    namespace: 'ns',
    name: `${metadata.name}-child`,
    ownerReferences: [
      { apiVersion: Things.apiVersion, kind: Things.kind, name: metadata.name, uid: metadata.uid, controller: true },
    ],
  },
  data: { size: String(spec?.size) },
});

function aManager(process: Process): Manager {
  const { api, environment, name } = process;
  const things = new Informer<Thing>({ api, environment, kind: Things, pageSize: 2 });
  const children = new Informer<ConfigMap>({ api, environment, kind: ConfigMaps });
  const lead = (leadership: Leadership) => {
    const writing = fenced(api, leadership);
    const status = new StatusWriter<Thing>({ api: writing, kind: Things, fieldManager: 'controller' });
    return {
      controllers: [
        new Controller({
          name: 'things',
          environment,
          primary: things,
          watches: [watches(children, owns(Things))],
          maxConcurrentReconciles: 2,
          maxBackoffMs: 5000,
          async reconcile(key, { signal }) {
            const thing = things.store.get(key);
            if (thing === undefined) return;
            const finalizers = thing.metadata.finalizers ?? [];
            const { uid, resourceVersion } = thing.metadata;
            if (thing.metadata.deletionTimestamp !== undefined) {
              const body = {
                metadata: { uid, resourceVersion, finalizers: finalizers.filter((it) => it !== FINALIZER) },
              };
              if (finalizers.includes(FINALIZER))
                await writing.patch(Things, refOf(key), { type: 'merge', body }, { signal });
              return;
            }
            if (!finalizers.includes(FINALIZER)) {
              const body = { metadata: { uid, resourceVersion, finalizers: [...finalizers, FINALIZER] } };
              things.put(await writing.patch(Things, refOf(key), { type: 'merge', body }, { signal }));
              return;
            }
            const wanted = childOf(thing);
            const child = children.store.get(`${key}-child`);
            if (child === undefined) {
              try {
                children.put(await writing.create(ConfigMaps, wanted, { signal }));
              } catch (error) {
                if (!isAlreadyExists(error)) throw error;
                return { requeueAfterMs: 500 };
              }
            } else if (child.metadata.ownerReferences?.[0]?.uid !== uid) {
              // Of the Thing that had this name before: the garbage collector is on its way.
              return { requeueAfterMs: 500 };
            } else if (child.data?.size !== wanted.data.size) {
              children.put(await writing.replace(ConfigMaps, { ...child, data: wanted.data }, { signal }));
            }
            const phase = `Size ${wanted.data.size}`;
            things.put((await status.apply(thing, { phase }, signal)).object);
          },
        }),
      ],
    };
  };
  return new Manager({
    environment,
    informers: [things, children],
    elector: new LeaderElector({ api, environment, lease: { namespace: 'system', name: 'lease' }, identity: name }),
    lead,
  });
}

class Cluster {
  readonly world: World;
  readonly replicas = new Map<
    string,
    { readonly process: Process; readonly manager: Manager; readonly stop: AbortController }
  >();
  /** All that ever ran. */
  readonly processes: Process[] = [];
  chaos = true;

  constructor(seed: number) {
    this.world = new World({ seed });
    this.world.server.register(Things, { status: true });
    for (let i = 0; i < 2; i++) this.begin();
  }

  begin(): void {
    const { random } = this.world.simulation;
    const name = `replica-${this.processes.length + 1}`;
    const process = this.world.process(name, { offsetMs: (random() - 0.5) * 1e9, rate: 0.95 + 0.1 * random() });
    process.api.faults = (call) => this.#fault(process, call);
    process.api.abortedArrive = () => random() < 0.3;
    this.processes.push(process);
    const manager = aManager(process);
    const stop = new AbortController();
    this.replicas.set(name, { process, manager, stop });
    // As a kubelet does: whatever ends begins anew.
    const again = () => this.#end(name);
    manager.run(stop.signal).then(again, again);
  }

  #fault(process: Process, call: Call) {
    const { random } = this.world.simulation;
    if (!this.chaos || random() > 0.15) return undefined;
    if (!call.isWrite || random() < 0.7) return this.pick([lostBefore, lostAfter, unanswered]);
    // It dies at this very write, which is done or not.
    this.world.kill(process);
    this.world.simulation.at(this.world.simulation.now + 1000, 'world', `${process.name} is gone`, () =>
      this.#end(process.name),
    );
    return { applied: random() < 0.5 };
  }

  #end(name: string): void {
    if (this.replicas.delete(name)) this.begin();
  }

  happen(): void {
    const { world } = this;
    const { simulation, server } = world;
    const { random } = simulation;
    const { process, stop } = this.pick([...this.replicas.values()]);
    const name = this.pick(NAMES);
    const thing = server.find(Things, ref(name));
    const later = (ms: number, label: string, call: () => void) =>
      simulation.at(simulation.now + ms, 'world', label, call);
    this.pick<() => void>([
      () => thing ?? server.create(Things, aThing(name, { spec: { size: Math.floor(random() * 5) } })),
      () => thing ?? server.create(Things, aThing(name, { spec: { size: Math.floor(random() * 5) } })),
      () => thing && server.update(Things, ref(name), (it) => ({ ...it, spec: { size: Math.floor(random() * 5) } })),
      () => thing && server.delete(Things, ref(name), { propagationPolicy: 'Background' }),
      () => this.deleteChild(`${name}-child`),
      () => collectGarbage(server),
      () => server.compact(),
      () => process.api.cutWatches(),
      () => process.api.cutWatches(this.pick([Things, ConfigMaps]), unreachable()),
      () => {
        process.api.holdWatches(this.pick([Things, ConfigMaps]));
        later(random() * 20_000, 'watches go on', () => process.api.releaseWatches());
      },
      () => {
        simulation.pause(process.name);
        later(random() * 30_000, `${process.name} goes on`, () => simulation.resume(process.name));
      },
      () => stop.abort(),
    ])();
  }

  deleteChild(name: string): void {
    const { server } = this.world;
    if (server.find(ConfigMaps, ref(name))) server.delete(ConfigMaps, ref(name), { propagationPolicy: 'Background' });
  }

  calm(): void {
    this.chaos = false;
    for (const { process } of this.replicas.values()) {
      process.api.releaseWatches();
      this.world.simulation.resume(process.name);
    }
  }

  pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.world.simulation.random() * of.length)] as T;
  }
}

async function aCluster(seed: number): Promise<void> {
  const cluster = new Cluster(seed);
  const { simulation, server } = cluster.world;
  const end = simulation.now + CHAOS_MS;
  const happen = () => {
    if (simulation.now >= end) return;
    cluster.happen();
    simulation.at(simulation.now + simulation.random() * 4000, 'world', 'something happens', happen);
  };
  happen();
  await simulation.run(() => simulation.now >= end);

  cluster.calm();
  const collect = () => {
    collectGarbage(server);
    simulation.at(simulation.now + 2000, 'world', 'garbage is collected', collect);
  };
  collect();
  await simulation.runFor(120_000);

  for (const name of NAMES) {
    const thing = server.find(Things, ref(name));
    const child = server.find(ConfigMaps, ref(`${name}-child`));
    if (thing === undefined) {
      expect(child, `${name}-child is left behind`).toBeUndefined();
      continue;
    }
    expect(thing.metadata.deletionTimestamp, `${name} is never gone`).toBeUndefined();
    expect(child?.metadata.ownerReferences?.[0]?.uid, `child of ${name}`).toBe(thing.metadata.uid);
    expect(child?.data, `child of ${name}`).toEqual({ size: String(thing.spec?.size) });
    expect(thing.status, `status of ${name}`).toEqual({ phase: `Size ${thing.spec?.size}` });
  }

  const writes = () =>
    cluster.processes.flatMap((it) => it.api.writes).filter((it) => it.resource !== Leases.plural).length;
  const before = writes();
  await simulation.runFor(600_000);
  expect(writes() - before, 'writes with nothing to do').toBe(0);
  expect([...cluster.replicas.values()].filter((it) => it.manager.leading)).toHaveLength(1);
}

describe('informers, controller, election and manager together', () => {
  const numRuns = Number(process.env.KUBE_SEEDS ?? 30);

  it('bring the cluster to what is asked for, whatever fails on the way, and then write nothing more', async () => {
    await fc.assert(fc.asyncProperty(fc.nat(), aCluster), { numRuns, endOnFailure: true });
  });
});
