import { PassThrough } from 'node:stream';
import { OperatorEnv } from '@mediajob/contract';
import { Leases } from '@mediajob/kube';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MEDIAJOB_FINALIZER } from '../../operator/src/labels.ts';
import { createOperatorService, type OperatorService, releaseAll } from '../../operator/src/operator-service.ts';
import type { ControlPlane } from '../cluster/control-plane.ts';
import { until } from '../cluster/until.ts';
import { OperatorWorld, startMediaJobCluster } from './operator-rig.ts';

let controlPlane: ControlPlane;
let world: OperatorWorld;
const running: { service: OperatorService; stop: AbortController; ended: Promise<unknown> }[] = [];

beforeAll(async () => {
  controlPlane = await startMediaJobCluster();
});
afterAll(() => controlPlane?.stop());
afterEach(async () => {
  for (const { stop } of running) stop.abort();
  await Promise.all(running.splice(0).map(({ ended }) => ended));
  await world?.close();
});

/** A replica as its process has it, but for the process. */
async function replica(name: string, lines: string[] = []) {
  const env = OperatorEnv.parse({
    MEDIAJOB_PORT: '0',
    MEDIAJOB_METRICS_PORT: '0',
    MEDIAJOB_NAMESPACE: world.namespace,
    MEDIAJOB_WATCH_NAMESPACES: world.namespace,
    MEDIAJOB_CONVERTER_IMAGE: 'converter:1',
    MEDIAJOB_TRANSCRIBER_IMAGE: 'transcriber:1',
    MEDIAJOB_MEDIA_CLAIM: 'media',
    MEDIAJOB_MODELS_CLAIM: 'models',
    MEDIAJOB_JOB_SERVICE_ACCOUNT: 'default',
    MEDIAJOB_POD_NAME: name,
    MEDIAJOB_LEASE_DURATION: '6s',
    MEDIAJOB_LEASE_RENEW_DEADLINE: '4s',
    MEDIAJOB_LEASE_RETRY_PERIOD: '1s',
  });
  const stdout = new PassThrough();
  stdout.on('data', (line: Buffer) => lines.push(line.toString()));
  const service = await createOperatorService({
    env,
    version: '0.0.0',
    kubeconfig: { file: controlPlane.kubeconfig },
    processMetrics: false,
    stdout,
  });
  const stop = new AbortController();
  const ended = service.run(stop.signal);
  running.push({ service, stop, ended });
  const health = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${service.ports.health}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const isReady = () =>
    health('/health/ready').then(
      ({ status }) => status === 200,
      () => false,
    );
  await until(`${name} is ready`, isReady);
  return { service, stop, ended, health };
}

/** Begun anew whenever it has lost the Lease, as a kubelet does it. */
async function supervised(name: string) {
  const first = await replica(name);
  const follow = async ({ ended, stop }: typeof first): Promise<void> => {
    if ((await ended) === 'lost' && !stop.signal.aborted) await follow(await replica(name));
  };
  void follow(first);
  return first;
}

/** A namespace whose operators are those of the test. */
async function openWorld(options: Partial<Parameters<typeof OperatorWorld.open>[0]> = {}): Promise<void> {
  world = await OperatorWorld.open({ controlPlane, ...options });
  await world.operator.stop();
}

describe('the operator as its process has it', () => {
  it('has two replicas, of which one works; the other takes over when it ends, in the middle of a job', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await openWorld({
      fates: {
        convert: async (player, pod) => {
          await player.running();
          await held;
          await world.succeed(player, pod);
        },
      },
    });
    const one = await replica('operator-1');
    await until('it leads', async () => (await one.health('/health')).body.leading === true);
    const two = await replica('operator-2');
    expect((await two.health('/health/live')).status).toBe(200);
    const seen = await until('the other knows who leads', async () => {
      const { body } = await two.health('/health');
      return typeof body.leader === 'string' && body;
    });
    expect(seen).toMatchObject({ status: 'ok', leading: false, service: 'operator', waitingFor: [] });
    expect(seen.leader).toMatch(/^operator-1_/);

    await world.apply();
    await world.reachPhase('Converting');
    one.stop.abort();
    expect(await one.ended).toBe('stopped');
    await until('the other leads', async () => (await two.health('/health')).body.leading === true);
    const lease = await world.api.get(Leases, { namespace: world.namespace, name: 'mediajob-operator' });
    expect(lease.spec?.leaseTransitions).toBeGreaterThanOrEqual(1);
    release();
    await world.reachPhase('Succeeded');
    expect(await world.jobNames()).toEqual(['talk-convert-1', 'talk-transcribe-1']);
  });

  it('tells its metrics by the names that dashboards know, and its log as JSON', async () => {
    const lines: string[] = [];
    await openWorld();
    const { service } = await replica('operator-1', lines);
    await world.apply();
    await world.reachPhase('Succeeded');
    const text = await until('the job is counted', async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${service.ports.metrics}/metrics`)).text();
      return metrics.includes('mediajob_jobs_ended_total{phase="Succeeded",service="operator"} 1') && metrics;
    });
    for (const name of [
      'controller_runtime_reconcile_total',
      'workqueue_depth',
      'leader_election_master_status',
      'rest_client_requests_total',
      'mediajob_jobs{phase="Succeeded",service="operator"} 1',
      'mediajob_stage_duration_seconds_bucket',
      'mediajob_queue_wait_seconds_bucket',
      'mediajob_realtime_factor_bucket',
    ]) {
      expect(text).toContain(name);
    }
    expect(text).not.toContain('talk');
    const parsed = lines
      .join('')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { service: string; level: string });
    expect(parsed.length).toBeGreaterThan(0);
    expect(parsed.every(({ service: name }) => name === 'operator')).toBe(true);
    expect(parsed.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('goes on when the API server was away', async () => {
    await openWorld({ fates: { convert: (player) => player.running() } });
    const { health } = await supervised('operator-1');
    await world.apply();
    await world.reachPhase('Converting');
    await controlPlane.crash('kube-apiserver');
    expect((await health('/health/live')).status).toBe(200);
    await controlPlane.startApiServer();
    await world.patch({ spec: { cancel: true } });
    await world.reachPhase('Cancelled');
  });

  it('lets go of everything when it is uninstalled, so that nothing is held for ever', async () => {
    await openWorld();
    const { stop, ended } = await replica('operator-1');
    await world.apply();
    await world.reachPhase('Succeeded');
    stop.abort();
    await ended;
    expect((await world.find())?.metadata.finalizers).toEqual([MEDIAJOB_FINALIZER]);
    const env = OperatorEnv.parse({
      MEDIAJOB_WATCH_NAMESPACES: world.namespace,
      MEDIAJOB_CONVERTER_IMAGE: 'a',
      MEDIAJOB_TRANSCRIBER_IMAGE: 'b',
    });
    const stdout = new PassThrough().resume();
    const released = await releaseAll({
      env,
      version: '0.0.0',
      kubeconfig: { file: controlPlane.kubeconfig },
      processMetrics: false,
      stdout,
    });
    expect(released).toBe(1);
    expect((await world.find())?.metadata.finalizers ?? []).toEqual([]);
    await world.delete();
    await world.reachGone();
  });
});
