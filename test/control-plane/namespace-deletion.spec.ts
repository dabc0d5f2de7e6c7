import { mediaJobCrd } from '@mediajob/contract/crd';
import { ACCOUNTS, NAMESPACE_DELETION_GRANTS } from '@mediajob/contract/rbac';
import type { HttpKubeApi } from '@mediajob/kube';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { releaseFinalizers } from '../../operator/src/release-finalizers.ts';
import type { RunningOperator } from '../../operator/src/start-operator.ts';
import { hasFinalizer } from '../../operator/src/take-up.ts';
import { aMediaJob } from '../../operator/test/builders.ts';
import { CONFIG } from '../../operator/test/rig.ts';
import { RecordedLog } from '../../packages/kube/test/recorded-log.ts';
import { type KubeObject, renderChart } from '../../scripts/gen/chart/render.ts';
import type { AuditEvent } from '../cluster/audit.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import { untilAllGranted } from '../cluster/granted.ts';
import { addNode, type Pod, PodPlayer } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';
import { apiOf, NODE, OperatorWorld } from './operator-rig.ts';

/** What the chart makes that an account may do anything by, and what it may do it to. */
const KINDS = /^(ServiceAccount|PersistentVolumeClaim|(Cluster)?Role(Binding)?)$/;
const HOOK = 'helm.sh/hook';
const CLAIM = 'mediajob-media';
const JOBS = { ...CONFIG.jobs, serviceAccount: ACCOUNTS.job, mediaClaim: CLAIM };

let controlPlane: ControlPlane;
let proxy: FaultProxy;
/** Where the operator lives, and two tenants; each with a kubelet. */
let home: OperatorWorld;
let leaving: OperatorWorld;
let staying: OperatorWorld;
let operator: RunningOperator;
let replicas = 0;
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

async function aNamespace(): Promise<OperatorWorld> {
  const world = await OperatorWorld.open({
    controlPlane,
    fates: {
      convert: async (player, pod) => {
        if (pod.metadata.labels?.['mediajob.io/name'] === 'running') return player.running();
        await world.succeed(player, pod);
      },
      // What is being deleted stays so.
      cleanup: async (player, pod) => {
        if (pod.metadata.labels?.['mediajob.io/name'] === 'deleting') return player.running();
        await world.succeed(player, pod);
      },
    },
  });
  endings.push(() => world.close());
  await world.operator.stop();
  return world;
}

/** As an administrator does: the operator and its tenants, by the chart. */
async function install(values: object = {}): Promise<void> {
  home = await aNamespace();
  leaving = await aNamespace();
  staying = await aNamespace();
  await grant([leaving, staying], values);
  operator = await startReplica();
}

async function grant(tenants: readonly OperatorWorld[], values: object = {}): Promise<void> {
  const objects = chartFor(tenants, values).filter(({ metadata }) => metadata.annotations?.[HOOK] === undefined);
  await apply(objects);
  await untilAllGranted(controlPlane.client, { namespace: home.namespace, name: ACCOUNTS.operator });
}

function chartFor(tenants: readonly OperatorWorld[], values: object = {}): KubeObject[] {
  const all = { tenants: tenants.map(({ namespace }) => ({ namespace })), ...values };
  return renderChart({ namespace: home.namespace, values: all }).filter(({ kind }) => KINDS.test(kind));
}

async function apply(objects: readonly KubeObject[]): Promise<void> {
  const input = objects.map((it) => JSON.stringify(it)).join('\n---\n');
  await controlPlane.kubectl(['apply', '-f', '-'], { input });
}

async function apiFor(name: string): Promise<HttpKubeApi> {
  const account = { namespace: home.namespace, name };
  const api = await apiOf(await proxy.kubeconfigFor(await controlPlane.kubeconfigFor(account)));
  endings.push(() => api.close());
  return api;
}

const watched = () => [home, leaving, staying].map(({ namespace }) => namespace);

/** With the rights of its account, and nothing in its memory. */
async function startReplica(): Promise<RunningOperator> {
  const api = await apiFor(ACCOUNTS.operator);
  const replica = home.startOperator(api, {
    config: { ...CONFIG, jobs: JOBS },
    home: home.namespace,
    namespaces: watched(),
    election: { namespace: home.namespace, name: 'mediajob-operator', identity: `replica-${++replicas}` },
    // As it is where it runs: what is refused is not asked for every second.
    maxBackoffMs: 300_000,
    finishMs: 10_000,
  });
  endings.push(() => replica.stop());
  await until('it leads', () => replica.manager.leading);
  return replica;
}

/** MediaJobs in each state that one can be in when its namespace is deleted. */
async function fill(world: OperatorWorld): Promise<void> {
  for (const name of ['finished', 'deleting', 'running']) await world.apply(aMediaJob(), name);
  await world.apply(aMediaJob().withSpec({ suspend: true }), 'suspended');
  await world.apply(aMediaJob().withSpec({ profile: 'there-is-none' }), 'pending');
  await world.apply(aMediaJob(), 'paused');
  await world.reachPhase('Converting', 'running');
  await world.reachPhase('Suspended', 'suspended');
  for (const name of ['finished', 'deleting', 'paused']) await world.reachPhase('Succeeded', name);
  await world.patch({ metadata: { annotations: { 'mediajob.io/pause': 'true' } } }, 'paused');
  await world.delete('deleting');
  await until('its cleanup is under way', async () =>
    (await world.jobNames()).some((name) => name.startsWith('deleting-cleanup-')),
  );
  await world.delete('paused');
}

const pathOf = ({ namespace }: OperatorWorld) => `/api/v1/namespaces/${namespace}`;

async function isGone(world: OperatorWorld): Promise<boolean> {
  const all = await controlPlane.client.list('/api/v1/namespaces');
  return !all.some(({ metadata }) => metadata.name === world.namespace);
}

async function untilGone(world: OperatorWorld): Promise<void> {
  await until(`the namespace ${world.namespace} is gone`, () => isGone(world), {
    explain: () => JSON.stringify(operator.informers.refused),
  });
}

/** Deletes a namespace; it is left with its MediaJobs, and without any right of the operator. */
async function endRights(world: OperatorWorld): Promise<void> {
  const rule = proxy.on({ verb: 'patch', resource: 'mediajobs' }, { kind: 'hold' }, { times: 1_000 });
  await controlPlane.client.delete(pathOf(world));
  await until('the rights are gone', async () => {
    const left = await controlPlane.client.list(
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${world.namespace}/rolebindings`,
    );
    return left.length === 0;
  });
  expect((await mediaJobsOf(world)).length).toBeGreaterThan(0);
  rule.release();
  rule.remove();
}

const mediaJobsOf = ({ namespace }: OperatorWorld) =>
  controlPlane.client.list(`/apis/mediajob.io/v1alpha1/namespaces/${namespace}/mediajobs`);

/** From its making to its end, and away with its files. */
async function expectToWork(world: OperatorWorld, name: string): Promise<void> {
  await world.apply(aMediaJob(), name);
  await world.reachPhase('Succeeded', name);
  await world.delete(name);
  await world.reachGone(name);
  expect((await world.jobNames()).some((it) => it.startsWith(`${name}-cleanup-`))).toBe(true);
  expect([operator.manager.ready, operator.manager.leading]).toEqual([true, true]);
}

async function requestsOfOperator(): Promise<AuditEvent[]> {
  const user = `system:serviceaccount:${home.namespace}:${ACCOUNTS.operator}`;
  return (await controlPlane.auditEvents()).filter((it) => it.user.username === user);
}

/** It is refused nothing but what went with a namespace, and that it does not ask for all the time. */
async function expectNoSpin(world: OperatorWorld): Promise<void> {
  const refused = (await requestsOfOperator()).filter(({ responseStatus }) => responseStatus?.code === 403);
  const elsewhere = refused.filter(({ objectRef }) => objectRef?.namespace !== world.namespace);
  expect(elsewhere.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
  expect(refused.length).toBeLessThan(200);
}

describe('a namespace of a tenant that is deleted with its MediaJobs', () => {
  it('goes, whatever state they are in and although the rights there go first, and all others go on', async () => {
    await install();
    await fill(leaving);
    await endRights(leaving);
    await untilGone(leaving);
    await expectToWork(staying, 'next');
    await expectToWork(home, 'here');
    await expectNoSpin(leaving);
  });

  it('goes although the operator begins anew when the rights are gone, and by those that it has for that alone', async () => {
    await install();
    await fill(leaving);
    await operator.stop();
    const asked = (await requestsOfOperator()).length;
    await endRights(leaving);
    operator = await startReplica();
    await untilGone(leaving);
    expect(operator.informers.refused).toContain(`jobs.batch in ${leaving.namespace}`);
    await expectToWork(staying, 'next');
    await expectNoSpin(leaving);
    const since = (await requestsOfOperator()).slice(asked);
    const used = since
      .filter(({ annotations, objectRef }) => {
        const why = annotations?.['authorization.k8s.io/reason'] ?? '';
        const there = objectRef?.namespace === leaving.namespace || objectRef?.name === leaving.namespace;
        return there && /ClusterRoleBinding "[^"]*-operator-namespaces"/.test(why);
      })
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`);
    const granted = NAMESPACE_DELETION_GRANTS.flatMap(({ verbs, resource }) => verbs.map((it) => `${it} ${resource}`));
    expect([...new Set(used)].sort()).toEqual(granted.sort());
  });

  it('keeps no operator from starting when it is not there at all, and is run again once it is', async () => {
    await install();
    await controlPlane.client.delete(pathOf(leaving));
    await untilGone(leaving);
    await operator.stop();
    operator = await startReplica();
    await expectToWork(staying, 'next');
    await controlPlane.namespace(leaving.namespace);
    await grant([leaving, staying]);
    await expectToWork(leaving, 'back');
  });

  it('does not stand in the way of an uninstallation, which lets go of all others', async () => {
    await install();
    await staying.apply();
    await staying.reachPhase('Succeeded');
    await controlPlane.client.delete(pathOf(leaving));
    await untilGone(leaving);
    await operator.stop();
    const isOfRelease = ({ metadata }: KubeObject) => metadata.annotations?.[HOOK] === 'post-delete';
    await apply(chartFor([leaving, staying]).filter(isOfRelease));
    await untilAllGranted(controlPlane.client, { namespace: home.namespace, name: 'mediajob-release' });
    const log = new RecordedLog();
    expect(await releaseFinalizers(await apiFor('mediajob-release'), watched(), log)).toBe(1);
    expect((await staying.find())?.metadata.finalizers).toBeUndefined();
    expect(log.at('warn')).toEqual([]);
  });

  it('stays until somebody lets them go where the operator may not, which goes on with all others', async () => {
    await install({ operator: { releaseOnNamespaceDeletion: false } });
    await fill(leaving);
    await endRights(leaving);
    await expectToWork(staying, 'next');
    expect(await isGone(leaving)).toBe(false);
    await operator.stop();
    operator = await startReplica();
    await expectToWork(staying, 'after-that');
    expect(await isGone(leaving)).toBe(false);
    for (const { metadata } of await mediaJobsOf(leaving))
      await leaving.patch({ metadata: { finalizers: null } }, metadata.name);
    await untilGone(leaving);
    await expectNoSpin(leaving);
  });
});

describe('the namespace of the operator itself', () => {
  it('goes when it is deleted, and leaves no MediaJob of a tenant that could never be deleted', async () => {
    await install();
    await fill(home);
    await staying.apply();
    await staying.reachPhase('Succeeded');
    expect((await staying.find())?.metadata.finalizers).toHaveLength(1);
    const { client } = controlPlane;
    const pod = await client.create<Pod>(`${pathOf(home)}/pods`, {
      metadata: { name: 'operator' },
      spec: {
        nodeName: NODE,
        containers: [{ name: 'operator', image: 'operator' }],
        terminationGracePeriodSeconds: 60,
      },
    });
    await client.delete(pathOf(home));
    await until('the kubelet is to end the pod of the operator', async () => {
      const { metadata } = await client.get<Pod>(`${pathOf(home)}/pods/operator`);
      return metadata.deletionTimestamp !== undefined;
    });
    await operator.stop();
    await new PodPlayer(client, pod).finishDeletion();
    await untilGone(home);
    const found = await staying.find();
    expect(found === undefined || hasFinalizer(found)).toBe(false);
  });
});
