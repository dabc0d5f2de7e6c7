import { type HttpKubeApi, systemClock } from '@mediajob/kube';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { aMediaJob } from '../../operator/test/builders.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { type Fault, FaultProxy, type Match } from '../cluster/fault-proxy.ts';
import { apiOf, indexOf, OperatorWorld, startMediaJobCluster } from './operator-rig.ts';

let controlPlane: ControlPlane;

beforeAll(async () => {
  controlPlane = await startMediaJobCluster();
});
afterAll(() => controlPlane?.stop());

/** Runs that a kubelet was given, by Job and index. */
type Runs = Map<string, number>;

/** A world without an operator, which closes with the test; its second shard fails once. */
async function openWorld({ onTestFinished }: TestContext, runs: Runs): Promise<OperatorWorld> {
  const count = (name: string) => runs.set(name, (runs.get(name) ?? 0) + 1);
  const world: OperatorWorld = await OperatorWorld.open({
    controlPlane,
    chunks: 4,
    fates: {
      convert: async (player, pod) => {
        count(player.name.replace(/-[a-z0-9]+$/, ''));
        await world.succeed(player, pod);
      },
      transcribe: async (player, pod) => {
        count(player.name.replace(/-[a-z0-9]+$/, ''));
        if (indexOf(pod) !== 1) return world.succeed(player, pod);
        await player.failed(
          143,
          JSON.stringify({ failure: { exitCode: 143, reason: 'Interrupted', message: 'asked' } }),
        );
      },
      finalize: async (player, pod) => {
        count(player.name.replace(/-[a-z0-9]+$/, ''));
        await world.succeed(player, pod);
      },
    },
  });
  await world.operator.stop();
  onTestFinished(() => world.close());
  return world;
}

/** A way to the API server that a test can spoil, for itself alone. */
async function openProxy({ onTestFinished }: TestContext): Promise<{ proxy: FaultProxy; api: HttpKubeApi }> {
  const proxy = await FaultProxy.start(controlPlane);
  onTestFinished(() => proxy.stop());
  const api = await apiOf(await proxy.kubeconfigFor());
  onTestFinished(() => api.close());
  return { proxy, api };
}

/** Each run of the story, once; a kubelet that is given one twice has been asked twice. */
const ALL_RUNS = {
  'talk-convert-1': 1,
  'talk-transcribe-1-0': 1,
  'talk-transcribe-1-1': 1,
  'talk-transcribe-1-1-2': 1,
  'talk-finalize-1': 1,
};

async function story(world: OperatorWorld): Promise<void> {
  await world.apply(aMediaJob().withSpec({ retries: 0 }));
  const status = await world.reachPhase('Succeeded');
  expect(status).toMatchObject({ attempt: 1, progress: { percent: 100 }, outputs: [{ name: 'transcript.json' }] });
  await world.delete();
  await world.reachGone();
}

const FAULTS: Record<string, [Match, Fault, times: number][]> = {
  'every third write is too many': [
    [{ verb: ['create', 'patch', 'delete'] }, { kind: 'answer', status: 429, retryAfterSeconds: 1 }, 8],
  ],
  'Jobs cannot be made at first': [[{ verb: 'create', resource: 'jobs' }, { kind: 'answer', status: 500 }, 3]],
  'statuses cannot be written at first': [
    [{ verb: 'patch', resource: 'mediajobs/status' }, { kind: 'answer', status: 503 }, 5],
  ],
  'nobody knows whether Jobs were made': [[{ verb: 'create', resource: 'jobs' }, { kind: 'drop-answer' }, 5]],
  'nobody knows whether statuses were written': [
    [{ verb: 'patch', resource: 'mediajobs/status' }, { kind: 'drop-answer' }, 8],
  ],
  'requests never arrive': [[{ verb: ['create', 'patch', 'get', 'delete'] }, { kind: 'drop-request' }, 10]],
  'watches of Jobs are cut after each event': [
    [{ verb: 'watch', resource: 'jobs' }, { kind: 'cut-watch', afterEvents: 1 }, 3],
  ],
  'watches of pods are ended': [[{ verb: 'watch', resource: 'pods' }, { kind: 'end-watch', afterEvents: 2 }, 4]],
  'watches are expired': [
    [{ verb: 'watch', resource: 'mediajobs' }, { kind: 'expire-watch' }, 3],
    [{ verb: 'watch', resource: 'jobs' }, { kind: 'expire-watch' }, 3],
    [{ verb: 'watch', resource: 'pods' }, { kind: 'expire-watch' }, 3],
  ],
  'lists are slow': [[{ verb: 'list' }, { kind: 'delay', ms: 2000 }, 6]],
  'a list breaks off': [[{ verb: 'list' }, { kind: 'cut-answer', afterBytes: 20 }, 6]],
};

// Each in a namespace of its own, over a wire of its own.
describe.concurrent('whatever the API server does', () => {
  it.for(Object.entries(FAULTS))(
    '%s: a MediaJob ends the same, and nothing is done twice',
    async ([, rules], context) => {
      const runs: Runs = new Map();
      const { proxy, api } = await openProxy(context);
      const world = await openWorld(context, runs);
      const made = rules.map(([match, fault, times]) => proxy.on(match, fault, { times }));
      world.startOperator(api);
      await story(world);
      expect(Object.fromEntries(runs)).toEqual(ALL_RUNS);
      expect(made.every(({ hits }) => hits > 0)).toBe(true);
    },
  );

  it('all connections break whenever a Job was made', async (context) => {
    const runs: Runs = new Map();
    const { proxy, api } = await openProxy(context);
    const world = await openWorld(context, runs);
    world.startOperator(api);
    // Whenever another part of the story is reached: in the middle of what follows from it.
    const { namespace, controlPlane: cluster } = world;
    const watching = new AbortController();
    const breaking = (async () => {
      const path = `/apis/batch/v1/namespaces/${namespace}/jobs`;
      for await (const { type } of cluster.client.watch(path, {}, watching.signal)) {
        if (type === 'ADDED') proxy.breakConnections();
      }
    })().catch(() => {});
    await story(world);
    watching.abort();
    await breaking;
    expect(Object.fromEntries(runs)).toEqual(ALL_RUNS);
  });
});

describe.concurrent('whatever an operator believes', () => {
  it('there are two at once that both believe they lead', async (context) => {
    const runs: Runs = new Map();
    const world = await openWorld(context, runs);
    const first = world.startOperator();
    context.onTestFinished(async () => void (await first.stop()));
    world.startOperator();
    await story(world);
    expect(Object.fromEntries(runs)).toEqual(ALL_RUNS);
  });

  it.for([
    ['ten minutes late', -600_000],
    ['ten minutes early', 600_000],
  ] as const)('its clock is %s', async ([, offset], context) => {
    const runs: Runs = new Map();
    const world = await openWorld(context, runs);
    const clock = { ...systemClock, now: () => Date.now() + offset };
    const quiet = { debug() {}, info() {}, warn() {}, error() {} };
    world.startOperator(world.api, { environment: { clock, random: Math.random, log: quiet } });
    await story(world);
    expect(Object.fromEntries(runs)).toEqual(ALL_RUNS);
  });
});
