import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startControlPlane } from '../../test/cluster/control-plane.ts';
import { Kubelet } from '../../test/cluster/kubelet.ts';
import { addNode, type Pod } from '../../test/cluster/pods.ts';
import { until } from '../../test/cluster/until.ts';
import type { OperatorUse } from './operator-process.ts';

// npm run bench -- operator [--jobs 5000] [--at-once 16]: that many MediaJobs on a real API server with the real Job
// controller; their pods succeed as soon as they are there. The operator is a process of its own.
const { values } = parseArgs({ options: { jobs: { type: 'string' }, 'at-once': { type: 'string' } } });
const JOBS = Number(values.jobs ?? 5000);
const AT_ONCE = Number(values['at-once'] ?? 16);
const NAMESPACE = 'bench';
const NODE = 'node-1';
/** As long as a slow machine may take for it all. */
const LIMIT_MS = 6 * 3_600_000;

const { mediaJobCrd }: typeof import('../../packages/contract/src/crd/index.ts') = await import(
  '../../packages/contract/dist/crd/index.js'
);

/** What a MediaJob did when, in ms. */
interface Times {
  readonly asked: number;
  firstJob?: number;
  ended?: number;
}

const controlPlane = await startControlPlane({
  definitions: [mediaJobCrd()],
  // It would allow 5 Jobs at once, and 20 requests a second.
  controllerManagerArgs: ['--concurrent-job-syncs=20'],
});
const { client } = controlPlane;
const stop = new AbortController();
let operator: ChildProcess | undefined;
let kubelet: Kubelet | undefined;
try {
  await addNode(client, NODE);
  await controlPlane.namespace(NAMESPACE);
  operator = fork(join(import.meta.dirname, 'operator-process.ts'), [controlPlane.kubeconfig, NAMESPACE]);
  const { pid = 0 } = operator;
  await until('the operator leads', async () => {
    const lease = await client.find<{ spec: { holderIdentity: string } } & { metadata: never }>(
      `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/mediajob-operator`,
    );
    return lease?.spec.holderIdentity === String(pid);
  });
  const before = await ask(operator);
  kubelet = new Kubelet({
    client,
    node: NODE,
    namespace: NAMESPACE,
    fate: async (player, pod) => player.succeeded(outcomeOf(pod)),
  });
  const times = new Map<string, Times>();
  let failed: string | undefined;
  const following = Promise.all([
    follow('/apis/batch/v1', 'jobs', ({ metadata }) => {
      const it = times.get(metadata.labels?.['mediajob.io/name'] ?? '');
      if (it !== undefined) it.firstJob ??= performance.now();
    }),
    follow('/apis/mediajob.io/v1alpha1', 'mediajobs', ({ metadata, status }) => {
      const it = times.get(metadata.name);
      if (status?.phase === 'Failed') failed ??= `${metadata.name}: ${status.message}`;
      if (it !== undefined && status?.phase === 'Succeeded') it.ended ??= performance.now();
    }),
  ]);

  const began = performance.now();
  const names = Array.from({ length: JOBS }, (_, index) => `job-${index}`).values();
  const create = async () => {
    for (const name of names) {
      times.set(name, { asked: performance.now() });
      await client.create(`/apis/mediajob.io/v1alpha1/namespaces/${NAMESPACE}/mediajobs`, {
        apiVersion: 'mediajob.io/v1alpha1',
        kind: 'MediaJob',
        metadata: { name },
        spec: { source: { path: 'uploads/01J00000000000000000000000/source' }, transcribe: {} },
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, create));
  const createdSeconds = (performance.now() - began) / 1000;
  console.error(`${JOBS} MediaJobs made in ${createdSeconds.toFixed(1)} s`);
  let told = 0;
  await until(
    'all have succeeded',
    () => {
      const ended = [...times.values()].filter((it) => it.ended !== undefined).length;
      if (failed !== undefined) throw new Error(failed);
      if (ended >= told + JOBS / 10) {
        told = ended;
        console.error(`${ended} have ended`);
      }
      return ended === JOBS;
    },
    { limitMs: LIMIT_MS, everyMs: 1000 },
  );
  const endedSeconds = (performance.now() - began) / 1000;
  // What is still to be told and let go.
  let last = await ask(operator);
  for (let quiet = 0; quiet < 3; ) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const now = await ask(operator);
    quiet = writesOf(now) - writesOf(last) <= 1 ? quiet + 1 : 0;
    last = { ...now, lagMs: worse(last.lagMs, now.lagMs) };
  }
  stop.abort();
  await following;

  const toFirstJob = [...times.values()].map((it) => (it.firstJob ?? Number.NaN) - it.asked);
  const toEnd = [...times.values()].map((it) => (it.ended ?? Number.NaN) - it.asked);
  console.log(
    JSON.stringify(
      {
        machine: `${availableParallelism()} × ${cpus()[0]?.model}, load ${loadavg().map(Math.round).join(' ')}`,
        mediaJobs: JOBS,
        atOnce: AT_ONCE,
        createdPerSecond: round(JOBS / createdSeconds),
        endedPerSecond: round(JOBS / endedSeconds),
        secondsToFirstJob: percentiles(toFirstJob),
        secondsToSuccess: percentiles(toEnd),
        writesPerMediaJob: round((writesOf(last) - writesOf(before)) / JOBS),
        requestsPerMediaJob: Object.fromEntries(
          Object.entries(last.requests).map(([method, count]) => [method, round(count / JOBS)]),
        ),
        cpuMsPerMediaJob: round(((last.cpuSeconds - before.cpuSeconds) * 1000) / JOBS),
        reconcilesPerMediaJob: round((last.reconciles - before.reconciles) / JOBS),
        operatorAtRest: before,
        operator: last,
      },
      undefined,
      2,
    ),
  );
} finally {
  stop.abort();
  operator?.disconnect();
  await kubelet?.stop();
  await controlPlane.stop();
}

interface Seen {
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    labels?: Record<string, string>;
  };
  status?: { phase?: string; message?: string };
}

/** Tells of all objects of a resource, again from the start whenever the watch ends. */
async function follow(group: string, resource: string, tell: (object: Seen) => void): Promise<void> {
  const path = `${group}/namespaces/${NAMESPACE}/${resource}`;
  while (!stop.signal.aborted) {
    try {
      const { items, metadata } = await client.call<{ items: Seen[]; metadata: { resourceVersion: string } }>(path);
      for (const object of items) tell(object);
      const since = { resourceVersion: metadata.resourceVersion };
      for await (const { type, object } of client.watch<Seen>(path, since, stop.signal)) {
        if (type === 'ERROR') break;
        tell(object);
      }
    } catch (error) {
      console.error(`watch ${resource}: ${String(error)}`);
    }
  }
}

/** What the step of a pod would have ended with. */
function outcomeOf(pod: Pod): string {
  const stage = pod.metadata.labels?.['mediajob.io/stage'];
  const manifest = { path: 'jobs/x/work/x.manifest.json', sha256: '0'.repeat(64) };
  const finalize = {
    stage: 'finalize',
    language: 'en',
    segments: 3,
    words: 30,
    doubtful: 0,
    outputs: [{ name: 'transcript.json', format: 'json', bytes: 10 }],
    manifest,
  };
  const media = {
    durationMs: 300_000,
    container: 'wav',
    audioCodec: 'pcm_s16le',
    sampleRate: 16_000,
    channels: 1,
    audioTracks: 1,
    video: false,
    bytes: 1000,
  };
  const result =
    stage === 'convert'
      ? { stage, media, chunks: 1, speechMs: 200_000, manifest }
      : {
          stage,
          shard: 0,
          chunks: 1,
          reused: 0,
          audioMs: 300_000,
          language: 'en',
          languageProbability: 0.9,
          realtimeFactor: 10,
          finalize,
          manifest,
        };
  return JSON.stringify({ result });
}

function ask(process: ChildProcess): Promise<OperatorUse> {
  return new Promise((resolve, reject) => {
    process.once('exit', (code) => reject(new Error(`the operator has ended with ${code}`)));
    process.once('message', (message) => {
      process.removeAllListeners('exit');
      resolve(message as OperatorUse);
    });
    process.send('use');
  });
}

function writesOf({ requests }: OperatorUse): number {
  return Object.entries(requests).reduce((sum, [method, count]) => (method === 'GET' ? sum : sum + count), 0);
}

function worse(a: OperatorUse['lagMs'], b: OperatorUse['lagMs']): OperatorUse['lagMs'] {
  return { p50: Math.max(a.p50, b.p50), p99: Math.max(a.p99, b.p99), max: Math.max(a.max, b.max) };
}

function percentiles(ms: number[]): { p50: number; p99: number; max: number } {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) =>
    round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) / 1000);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
