import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runName } from '@mediajob/contract';
import { mediaJobCrd } from '@mediajob/contract/crd';
import { ACCOUNTS } from '@mediajob/contract/rbac';
import { type HttpKubeApi, Jobs, Secrets, systemClock, Workloads } from '@mediajob/kube';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readsWorkloads } from '../../operator/src/kueue.ts';
import { podsAndJobs } from '../../operator/src/progress/owned-run.ts';
import { createProgressService, leaderOf, type ProgressService } from '../../operator/src/progress/progress-service.ts';
import { ProgressBook } from '../../operator/src/progress-book.ts';
import type { RunningOperator } from '../../operator/src/start-operator.ts';
import { aMediaJob } from '../../operator/test/builders.ts';
import { send } from '../../operator/test/progress/fleet.ts';
import { CONFIG } from '../../operator/test/rig.ts';
import { RecordedLog } from '../../packages/kube/test/recorded-log.ts';
import { JobsService } from '../../services/main/src/jobs/jobs.service.ts';
import { Cluster } from '../../services/main/src/kubernetes/cluster.ts';
import { request } from '../../services/main/test/kubernetes/cluster-world.ts';
import { MemoryOutboxFiles, OutboxDisk } from '../../services/main/test/kubernetes/memory-outbox-files.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import { grantedTo, isAllowed, untilAllGranted, uses, words } from '../cluster/granted.ts';
import { addNode, type Pod } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';
import { apiOf, NODE, OperatorWorld, type WorldOptions } from './operator-rig.ts';
import { workloadDefinition } from './workload-definition.ts';

const AUDIENCE = 'mediajob.io/progress';
const CLAIM = 'mediajob-media';
const RBAC_FILE = join(import.meta.dirname, '../../k8s/rbac.yaml');

let controlPlane: ControlPlane;
let world: OperatorWorld;
let proxy: FaultProxy;
const endings: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  controlPlane = await startControlPlane({ definitions: [mediaJobCrd()], audit: true });
  await addNode(controlPlane.client, NODE);
  proxy = await FaultProxy.start(controlPlane);
});
afterEach(async () => {
  proxy.clear();
  for (const end of endings.splice(0).reverse()) await end();
});
afterAll(async () => {
  await proxy?.stop();
  await controlPlane?.stop();
});

/** A namespace that is set up by k8s/rbac.yaml, as an administrator does, but under its own name. */
async function open(options: Omit<WorldOptions, 'controlPlane'> = {}): Promise<void> {
  const jobs = { ...CONFIG.jobs, serviceAccount: ACCOUNTS.job, mediaClaim: CLAIM };
  world = await OperatorWorld.open({ controlPlane, config: { jobs }, ...options });
  endings.push(() => world.close());
  await world.operator.stop();
  const { namespace } = world;
  await controlPlane.client.create(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`, {
    metadata: { name: CLAIM },
    spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
  });
  const input = (await readFile(RBAC_FILE, 'utf8')).replaceAll('namespace: mediajob\n', `namespace: ${namespace}\n`);
  await controlPlane.kubectl(['apply', '-f', '-'], { input });
}

const untilGranted = (name: string): Promise<void> =>
  untilAllGranted(controlPlane.client, { namespace: world.namespace, name });

/** Every request of an account was allowed, and there is none of its rights that no request needed. */
async function expectToUseAllRights(account: string): Promise<void> {
  const { namespace } = world;
  const user = `system:serviceaccount:${namespace}:${account}`;
  const events = (await controlPlane.auditEvents()).filter((it) => it.user.username === user);
  const lacking = events.filter(({ annotations }) => annotations?.['authorization.k8s.io/decision'] !== 'allow');
  expect(lacking.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
  const granted = await grantedTo(controlPlane.client, { namespace, name: account });
  expect(granted.length).toBeGreaterThan(0);
  const excess = granted.filter((it) => !events.some((event) => uses(event, it)));
  expect(excess.map(words)).toEqual([]);
}

/** A replica with all that it runs: receiver, keys, election, Kueue when it is there. */
interface Replica {
  readonly operator: RunningOperator;
  readonly progress: ProgressService;
  readonly kueue: boolean;
  stop(): Promise<void>;
}

async function startReplica(api: HttpKubeApi, identity: string): Promise<Replica> {
  const { namespace } = world;
  const environment = { clock: systemClock, random: Math.random, log: new RecordedLog() };
  const book = new ProgressBook();
  const registry = new Registry();
  const progress: ProgressService = createProgressService({
    api,
    environment,
    registry,
    audit: { suspicious() {} },
    host: '127.0.0.1',
    port: 0,
    url: 'https://localhost:8443',
    audience: AUDIENCE,
    secret: { namespace, name: 'mediajob-progress-tls' },
    madeBy: 'us',
    book,
    cluster: () => podsAndJobs(api, { pods: operator.view.pods.store, jobs: operator.view.jobs.store }),
    leader: () => leaderOf(operator.elector),
  });
  const kueue = await readsWorkloads(api, environment.log, namespace);
  const jobs = { ...CONFIG.jobs, serviceAccount: ACCOUNTS.job, mediaClaim: CLAIM, progress: progress.config };
  const operator: RunningOperator = world.startOperator(api, {
    environment,
    registry,
    book,
    kueue,
    config: { ...CONFIG, jobs },
    servers: [progress.server],
    election: { namespace, name: 'mediajob-operator', identity },
    loops: (_leadership, fenced) => [(signal) => progress.maintain(fenced, signal)],
  });
  const stop = async () => {
    await operator.stop();
  };
  endings.push(stop);
  return { operator, progress, kueue, stop };
}

/** As a step in a pod does, with the token that its kubelet would have given it. */
async function report({ progress }: Replica, pod: Pod): Promise<number> {
  const { namespace } = world;
  const { name, uid } = pod.metadata;
  const token = await controlPlane.token(
    { namespace, name: ACCOUNTS.job },
    { audiences: [AUDIENCE], pod: { name, uid } },
  );
  await until('the receiver has its keys', () => progress.config.authorities() !== '');
  const of = pod.metadata.labels?.['mediajob.io/uid'] ?? '';
  const runId = runName(of, { stage: 'convert', shard: 0, attempt: 1, try: 1 });
  const receiver = {
    service: progress,
    book: new ProgressBook(),
    log: new RecordedLog(),
    suspicious: [],
    registry: new Registry(),
    port: progress.server.port,
  };
  const { status } = await send(receiver, { token, body: { runId, progress: { fraction: 0.5 } } });
  return status;
}

describe('the operator', () => {
  it('gets along with the rights that it has, and uses every one of them', async () => {
    let replica: Replica | undefined;
    const reported: number[] = [];
    await open({
      chunks: 4,
      fates: {
        convert: async (player, pod) => {
          await player.running();
          if (pod.metadata.labels?.['mediajob.io/name'] !== 'talk') return;
          if (replica !== undefined) reported.push(await report(replica, pod));
          proxy.clear();
          await world.succeed(player, pod);
        },
      },
    });
    await untilGranted(ACCOUNTS.operator);
    const { namespace } = world;
    const account = await controlPlane.kubeconfigFor({ namespace, name: ACCOUNTS.operator });
    const api = await apiOf(await proxy.kubeconfigFor(account));
    endings.push(() => api.close());

    // What it makes itself it hears of late, and of one Job it never hears that it made it: it has to ask.
    proxy.on({ verb: 'watch', resource: 'jobs' }, { kind: 'hold' }, { times: 100 });
    proxy.on({ verb: 'watch', resource: 'pods' }, { kind: 'hold' }, { times: 100 });
    proxy.on({ verb: 'create', resource: 'jobs' }, { kind: 'drop-answer' });
    replica = await startReplica(api, 'one');
    expect(replica.kueue).toBe(false);
    await until('it leads', () => replica?.operator.manager.leading === true);
    await world.apply(
      aMediaJob().withSpec({ convert: { renditions: [{ format: 'mp3' }] }, ttlSecondsAfterFinished: 1 }),
    );
    await until('its time to live is over', async () => (await world.find()) === undefined);
    expect(reported).toEqual([204]);
    await replica.stop();

    // Somebody has emptied the Secret, and installed Kueue.
    await world.api.patch(
      Secrets,
      { namespace, name: 'mediajob-progress-tls' },
      { type: 'merge', body: { data: null } },
    );
    await controlPlane.define(workloadDefinition);
    replica = await startReplica(api, 'two');
    expect(replica.kueue).toBe(true);
    await world.apply(aMediaJob().withSpec({ queue: { convert: 'cpus' } }), 'queued');
    await world.reachPhase('Converting', 'queued');
    const workload = await workloadOf('queued-convert-1');
    await world.patch({ spec: { suspend: true } }, 'queued');
    await world.reachPhase('Suspended', 'queued');
    await until('its Workload is inactive', async () => {
      const found = await world.api.get(Workloads, { namespace, name: workload });
      return found.spec.active === false;
    });
    // The same event twice is one object.
    await world.patch({ spec: { suspend: false } }, 'queued');
    await world.reach(({ phase }) => phase !== 'Suspended', 'queued');
    await world.patch({ spec: { suspend: true } }, 'queued');
    await world.reachPhase('Suspended', 'queued');
    await world.delete('queued');
    await world.api.delete(Jobs, { namespace, name: 'queued-convert-1' }, { propagationPolicy: 'Background' });
    await world.reachGone('queued');
    await world.apply(aMediaJob(), 'given-up');
    await world.reachPhase('Converting', 'given-up');
    await world.delete('given-up');
    await world.reachGone('given-up');
    await replica.stop();

    await expectToUseAllRights(ACCOUNTS.operator);
  });

  async function workloadOf(name: string): Promise<string> {
    const { namespace, api } = world;
    const job = await world.reachJob(name);
    const { metadata } = await api.create(Workloads, {
      apiVersion: Workloads.apiVersion,
      kind: Workloads.kind,
      metadata: {
        name: `job-${name}`,
        namespace,
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid: job.metadata.uid, controller: true }],
      },
      spec: { queueName: 'cpus', active: true },
    });
    return metadata.name;
  }
});

describe('main over a cluster', () => {
  it('gets along with the rights that it has, and uses every one of them', async () => {
    await open();
    await untilGranted(ACCOUNTS.main);
    const { namespace } = world;
    const api = await apiOf(
      await proxy.kubeconfigFor(await controlPlane.kubeconfigFor({ namespace, name: ACCOUNTS.main })),
    );
    endings.push(() => api.close());
    // Of what it makes it hears only in the answer.
    proxy.on({ verb: 'watch' }, { kind: 'hold' }, { times: 100 });
    const main = new Cluster({
      api,
      namespace,
      files: new MemoryOutboxFiles(new OutboxDisk()),
      environment: { clock: systemClock, random: Math.random, log: new RecordedLog() },
      publish() {},
    });
    const service = new JobsService(main.jobs, { check: async () => 'Talk.mp3' });
    const stop = new AbortController();
    const watching = main.watch(stop.signal);
    endings.push(async () => {
      stop.abort();
      await watching;
    });
    await main.synced;
    const made = await service.create(request({}, { name: 'mine' }));
    expect(made.created).toBe(true);
    await service.cancel(made.job.metadata.uid);
    // Somebody else has the name, which main has not heard of.
    await world.apply(aMediaJob(), 'theirs');
    await service.create(request({}, { name: 'theirs' })).catch(() => undefined);
    await service.delete(made.job.metadata.uid);
    proxy.clear();
    await until(
      'it is told so',
      () => main.view.byName('mine') === undefined && main.view.byName('theirs') !== undefined,
    );
    await expectToUseAllRights(ACCOUNTS.main);
  });
});

describe('the account of Jobs', () => {
  it('may do nothing that any other account may not', async () => {
    await open();
    const { namespace } = world;
    const rightsOf = (name: string) =>
      controlPlane.kubectl([
        'auth',
        'can-i',
        '--list',
        `--namespace=${namespace}`,
        `--as=system:serviceaccount:${namespace}:${name}`,
        `--as-group=system:serviceaccounts`,
        `--as-group=system:serviceaccounts:${namespace}`,
        `--as-group=system:authenticated`,
      ]);
    await untilGranted(ACCOUNTS.main);
    expect(await rightsOf(ACCOUNTS.main)).toContain('mediajobs.mediajob.io');
    const rights = await rightsOf(ACCOUNTS.job);
    expect(rights).toContain('selfsubjectreviews.authentication.k8s.io');
    expect(rights).toBe(await rightsOf('default'));
  });
});

describe('people', () => {
  it('look at MediaJobs with view, and make and change them with edit, but never their status', async () => {
    await open();
    const { namespace } = world;
    for (const role of ['view', 'edit', 'admin']) {
      await controlPlane.client.create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`, {
        metadata: { name: role },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: `one-with-${role}` }],
      });
    }
    const may = (role: string, verb: string, resource = 'mediajobs') =>
      isAllowed(controlPlane.client, `one-with-${role}`, { verb, group: 'mediajob.io', resource, namespace });
    for (const role of ['view', 'edit', 'admin']) {
      await until(`${role} may look`, () => may(role, 'watch'));
      expect(await may(role, 'patch', 'mediajobs/status')).toBe(false);
    }
    for (const role of ['edit', 'admin']) await until(`${role} may make some`, () => may(role, 'create'));
    expect(await may('view', 'create')).toBe(false);
    expect(await may('view', 'delete')).toBe(false);
  });
});
