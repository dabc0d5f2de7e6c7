import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgressReport, runName } from '@mediajob/contract';
import { Secrets, systemClock } from '@mediajob/kube';
import type { SuspiciousEvent } from '@mediajob/service';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobConfig } from '../../operator/src/job-config.ts';
import { podsAndJobs } from '../../operator/src/progress/owned-run.ts';
import { createProgressService, type ProgressService } from '../../operator/src/progress/progress-service.ts';
import { ProgressBook } from '../../operator/src/progress-book.ts';
import { CONFIG } from '../../operator/test/rig.ts';
import { ProgressPoster } from '../../packages/steps/src/progress-poster.ts';
import { httpsSender, type ProgressTarget, progressTargetOf } from '../../packages/steps/src/progress-target.ts';
import { aTemporaryDirectory } from '../../packages/storage/test/fixtures/temporary-directory.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import type { Pod } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';
import { apiOf, type Fates, OperatorWorld, startMediaJobCluster } from './operator-rig.ts';

const AUDIENCE = 'mediajob.io/progress';
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let controlPlane: ControlPlane;
let world: OperatorWorld;
let homes = 0;

beforeAll(async () => {
  controlPlane = await startMediaJobCluster();
});
afterAll(() => controlPlane?.stop());
afterEach(() => world?.close());

/** An operator with its receiver, and pods that do as `fates` say. */
async function openWithReceiver(fates: Fates) {
  const home = await controlPlane.namespace(`home-${++homes}`);
  const api = await apiOf(controlPlane.kubeconfig);
  const book = new ProgressBook();
  const suspicious: SuspiciousEvent[] = [];
  const service: ProgressService = createProgressService({
    api,
    environment: { clock: systemClock, random: Math.random, log: quiet },
    registry: new Registry(),
    audit: { suspicious: (event) => void suspicious.push(event) },
    host: '127.0.0.1',
    port: 0,
    url: 'https://localhost:8443',
    audience: AUDIENCE,
    secret: { namespace: home, name: 'mediajob-progress-tls' },
    madeBy: 'us',
    book,
    leader: () => ({ self: true }),
    cluster: () => podsAndJobs(api, { pods: world.operator.view.pods.store, jobs: world.operator.view.jobs.store }),
  });
  const { audience, authorities } = service.config;
  // The port is known when it listens, which is before the first Job is made.
  const progress = {
    audience,
    authorities,
    get url() {
      return `https://localhost:${service.server.port}`;
    },
  };
  const jobs: JobConfig = { ...CONFIG.jobs, progress };
  world = await OperatorWorld.open({
    controlPlane,
    fates,
    config: { jobs },
    operator: {
      book,
      servers: [service.server],
      loops: (_leadership, fenced) => [(signal) => service.maintain(fenced, signal)],
    },
  });
  await until('the receiver has its keys', () => service.config.authorities() !== '');
  return { home, api, suspicious };
}

/** What the pod's container would report to and with, as its own environment and its projected token say. */
async function targetOf(pod: Pod, audience = audienceOf(pod)): Promise<ProgressTarget> {
  const tokenFile = await tokenFileOf(pod, audience);
  const env = Object.fromEntries(
    pod.spec.containers.flatMap((it) => it.env ?? []).map((it) => [it.name, it.value?.replaceAll('$$', '$')]),
  );
  const target = progressTargetOf({ ...env, MEDIAJOB_PROGRESS_TOKEN_FILE: tokenFile }, quiet);
  if (target === undefined) throw new Error('the pod has no settings of progress');
  return target;
}

async function tokenFileOf(pod: Pod, audience: string): Promise<string> {
  const { namespace = '', name, uid } = pod.metadata;
  const options = { audiences: [audience], pod: { name, uid } };
  const tokenFile = join(await aTemporaryDirectory(), 'token');
  await writeFile(tokenFile, await controlPlane.token({ namespace, name: 'default' }, options));
  return tokenFile;
}

/** Audience of the token that the kubelet would project into the pod. */
function audienceOf(pod: Pod): string {
  const { volumes = [] } = pod.spec as {
    volumes?: { projected?: { sources: { serviceAccountToken?: { audience: string } }[] } }[];
  };
  const audience = volumes.flatMap((it) => it.projected?.sources ?? [])[0]?.serviceAccountToken?.audience;
  if (audience === undefined) throw new Error('no token is projected into the pod');
  return audience;
}

const runOf = (pod: Pod) =>
  runName(pod.metadata.labels?.['mediajob.io/uid'] ?? '', { stage: 'convert', shard: 0, attempt: 1, try: 1 });

async function statusOf(target: ProgressTarget, report: ProgressReport): Promise<number> {
  const { send, close } = httpsSender(target);
  try {
    return (await send(report, AbortSignal.timeout(30_000))).status;
  } finally {
    close();
  }
}

describe('progress on a real API server', () => {
  it('of a running pod is in the status while it runs, by the writer of progress alone', async () => {
    const { home, api, suspicious } = await openWithReceiver({
      convert: async (player, pod) => {
        await player.running();
        const { send, close } = httpsSender(await targetOf(pod));
        const usage = { cpuSeconds: 12, maxRssBytes: 1 << 28 };
        const poster = new ProgressPoster({ runId: runOf(pod), send, usage: () => usage, log: quiet });
        poster.report({ fraction: 0.5, processedMs: 30_000 });
        await until('the status tells of it', async () => ((await world.status()).progress.percent ?? 0) > 0);
        await poster.close();
        close();
        await world.succeed(player, pod);
      },
    });
    await world.apply();
    const running = await world.reach(({ progress, phase }) => phase === 'Converting' && progress.percent > 0);
    expect(running.stages.find(({ name }) => name === 'convert')).toMatchObject({ state: 'Running', percent: 50 });
    expect(running.usage).toEqual({ cpuSeconds: 12, maxRssBytes: 1 << 28 });
    await world.reachPhase('Succeeded');
    const finished = (await world.find()) as unknown as {
      metadata: { managedFields: { manager: string; fieldsV1?: { 'f:status'?: object } }[] };
    };
    const writers = finished.metadata.managedFields.filter((it) => 'f:progress' in (it.fieldsV1?.['f:status'] ?? {}));
    expect(writers.map(({ manager }) => manager)).toEqual(['mediajob-progress']);
    expect(suspicious).toEqual([]);
    const { data = {}, type } = await api.get(Secrets, { namespace: home, name: 'mediajob-progress-tls' });
    expect({ keys: Object.keys(data).sort(), type }).toEqual({
      keys: ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'],
      type: 'Opaque',
    });
  });

  it('is taken from nobody but the pod: not by a token for the API server, nor from another pod, nor of a pod that is gone', async () => {
    const statuses: Record<string, number> = {};
    const { home, suspicious } = await openWithReceiver({
      convert: async (player, pod) => {
        await player.running();
        const report = { runId: runOf(pod), progress: { fraction: 0.9 } };
        const own = await targetOf(pod);
        statuses.serverAudience = await statusOf(await targetOf(pod, 'https://kubernetes.default.svc'), report);
        // A pod of somebody else, who knows the receiver's audience and gives it the labels of ours.
        const stranger = await controlPlane.client.create<Pod>(`/api/v1/namespaces/${home}/pods`, {
          metadata: { name: 'stranger', labels: pod.metadata.labels },
          spec: { containers: [{ name: 'run', image: 'any:1' }] },
        });
        const tokenFile = await tokenFileOf(stranger, AUDIENCE);
        statuses.stranger = await statusOf({ ...own, tokenFile }, report);
        statuses.own = await statusOf(own, report);
        await controlPlane.client.delete(`/api/v1/namespaces/${home}/pods/stranger?gracePeriodSeconds=0`);
        statuses.gone = await until('the pod is gone', async () => {
          const status = await statusOf({ ...own, tokenFile }, report);
          return status !== 403 && status;
        });
        await world.succeed(player, pod);
      },
    });
    await world.apply();
    await world.reachPhase('Succeeded');
    // Whose token it is may still be known from before; then its pod is not found.
    expect([401, 404]).toContain(statuses.gone);
    expect(statuses).toMatchObject({ serverAudience: 401, stranger: 403, own: 204 });
    expect(suspicious.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['bad-token', 'foreign-run']));
  });
});
