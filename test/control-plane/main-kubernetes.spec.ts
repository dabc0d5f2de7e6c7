import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobList, MediaJob, Problem, SystemStatus } from '@mediajob/contract';
import { mediaJobCrd } from '@mediajob/contract/crd';
import { ACCOUNTS } from '@mediajob/contract/rbac';
import { kubeConfigAccess, systemClock } from '@mediajob/kube';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EventReader } from '../../services/main/test/kubernetes/event-reader.ts';
import { type MainOnCluster, startMainOnCluster } from '../../services/main/test/kubernetes/main-on-cluster.ts';
import { idOf, upload, wav } from '../../services/main/test/medium/tus-client.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import { grantedTo, uses, words } from '../cluster/granted.ts';
import { addNode } from '../cluster/pods.ts';
import { until } from '../cluster/until.ts';
import { NODE, OperatorWorld, type WorldOptions } from './operator-rig.ts';

const RBAC_FILE = join(import.meta.dirname, '../../k8s/rbac.yaml');
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

let controlPlane: ControlPlane;
let proxy: FaultProxy;
let world: OperatorWorld;
let main: MainOnCluster;
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

/** A namespace with the rights of k8s/rbac.yaml, an operator, and a main that acts as its own account. */
async function open(options: Omit<WorldOptions, 'controlPlane'> = {}): Promise<void> {
  world = await OperatorWorld.open({ controlPlane, ...options });
  endings.push(() => world.close());
  const { namespace } = world;
  const input = (await readFile(RBAC_FILE, 'utf8')).replaceAll('namespace: mediajob\n', `namespace: ${namespace}\n`);
  await controlPlane.kubectl(['apply', '-f', '-'], { input });
  const account = await controlPlane.kubeconfigFor({ namespace, name: ACCOUNTS.main });
  const file = await proxy.kubeconfigFor(account);
  const access = await kubeConfigAccess({ file, clock: systemClock, log: quiet });
  const dataDir = await mkdtemp(join(tmpdir(), 'mediajob-main-'));
  endings.push(() => rm(dataDir, { recursive: true, force: true }));
  main = await startMainOnCluster(dataDir, { access }, { MEDIAJOB_NAMESPACE: namespace });
  endings.push(() => main.stop());
  await until('the API server goes by the new rights', async () => (await call('GET', '/api/v1/jobs')).status === 200);
}

const call = (method: string, path: string, body?: unknown) =>
  fetch(`${main.url}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
const anUpload = async () => `uploads/${idOf(await upload(main.url, wav(5000), { filename: 'talk.wav' }))}/source`;
const send = async (spec: object = {}, metadata: object = {}) =>
  call('POST', '/api/v1/jobs', { metadata, spec: { source: { path: await anUpload() }, transcribe: {}, ...spec } });
const jobOf = async (answer: Response) => {
  const body: unknown = await answer.json();
  if (!answer.ok) throw new Error(`answered ${answer.status}: ${JSON.stringify(body)}`);
  return MediaJob.parse(body);
};
const problemOf = async (answer: Response) => Problem.parse(await answer.json());
const job = async (id: string) => jobOf(await call('GET', `/api/v1/jobs/${id}`));
const cluster = async () => SystemStatus.parse(await (await call('GET', '/api/v1/system')).json()).cluster;
const all = async () => JobList.parse(await (await call('GET', '/api/v1/jobs')).json()).items;
const names = async () => (await all()).map(({ metadata }) => metadata.name);

describe('main over a real API server', () => {
  it('makes a job that the operator runs, and tells pages of it until its end', async () => {
    await open();
    const reader = await EventReader.open(main.url);
    const answer = await send({}, { title: 'Доклад' });
    expect(answer.status).toBe(201);
    const { uid, name } = (await jobOf(answer)).metadata;
    await world.reachPhase('Succeeded', name);
    await until('main knows', async () => (await job(uid)).status.phase === 'Succeeded');
    expect((await job(uid)).status.outputs.length).toBeGreaterThan(0);
    expect(reader.jobs.at(-1)).toBe(`job ${uid} Succeeded`);
    expect((await call('DELETE', `/api/v1/jobs/${uid}`)).status).toBe(202);
    await until('it is gone', async () => (await call('GET', `/api/v1/jobs/${uid}`)).status === 404);
    expect(reader.jobs.at(-1)).toBe(`job-deleted ${uid}`);
    reader.close();
  });

  it('shows what kubectl makes and changes, and kubectl sees what main changes', async () => {
    await open({ kubelet: false });
    const { namespace } = world;
    const manifest = {
      apiVersion: 'mediajob.io/v1alpha1',
      kind: 'MediaJob',
      metadata: { name: 'talk', namespace },
      spec: { source: { path: 'inbox/talk.mp3' }, transcribe: {} },
    };
    await controlPlane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest) });
    await until('main shows it', async () => (await names()).includes('talk'));
    const { uid } = (await all())[0]?.metadata ?? { uid: '' };
    const about = `/api/v1/jobs/${uid}`;
    const patched = await jobOf(
      await call('PATCH', about, { metadata: { title: 'Talk' }, spec: { retries: 1, ttlSecondsAfterFinished: 60 } }),
    );
    expect(patched.spec).toMatchObject({ retries: 1, ttlSecondsAfterFinished: 60 });
    await call('PATCH', about, { metadata: { title: null }, spec: { ttlSecondsAfterFinished: null } });
    expect((await jobOf(await call('POST', `${about}/suspend`))).spec.suspend).toBe(true);
    await world.reachPhase('Suspended');
    expect((await jobOf(await call('POST', `${about}/resume`))).spec.suspend).toBe(false);
    expect((await jobOf(await call('POST', `${about}/cancel`))).spec.cancel).toBe(true);
    await world.reachPhase('Cancelled');
    await until('main knows that it has ended', async () => (await job(uid)).status.phase === 'Cancelled');
    expect((await problemOf(await call('POST', `${about}/suspend`))).code).toBe('conflict');
    await call('POST', `${about}/retry`);
    expect(await world.reach(({ attempt }) => attempt === 2)).toMatchObject({ attempt: 2 });
    const now = await world.find();
    expect(now?.spec).toMatchObject({ retries: 1, cancel: false, suspend: false });
    expect(now?.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    expect(now?.metadata.annotations).not.toHaveProperty('mediajob.io/title');
  });

  it('never changes a new job that has got the name of the one that was meant', async () => {
    await open({ kubelet: false });
    await world.operator.stop();
    const { uid } = (await jobOf(await send({}, { name: 'talk' }))).metadata;
    // From here on main hears nothing of what happens: what it knows is what was.
    proxy.on({ verb: 'watch', resource: 'mediajobs' }, { kind: 'hold' }, { times: 100 });
    proxy.breakConnections();
    await world.delete();
    await world.reachGone();
    await world.apply();
    for (const [method, path] of [
      ['POST', '/cancel'],
      ['DELETE', ''],
    ] as const) {
      const answer = await call(method, `/api/v1/jobs/${uid}${path}`);
      expect([method, answer.status, (await problemOf(answer)).code]).toEqual([method, 404, 'job-not-found']);
    }
    expect((await world.find())?.spec).not.toHaveProperty('cancel', true);
    expect((await world.find())?.metadata.deletionTimestamp).toBeUndefined();
  });

  it('passes on what an administrator’s policy refuses, in the policy’s words', async () => {
    await open({ kubelet: false });
    const policies = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic';
    await controlPlane.client.create(`${policies}ies`, {
      metadata: { name: 'few-shards' },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: ['mediajob.io'], apiVersions: ['*'], operations: ['CREATE'], resources: ['mediajobs'] },
          ],
        },
        validations: [
          { expression: 'object.spec.transcribe.parallelism <= 2', message: 'at most two shards at once, please' },
        ],
      },
    });
    await controlPlane.client.create(`${policies}ybindings`, {
      metadata: { name: 'few-shards' },
      spec: {
        policyName: 'few-shards',
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': world.namespace } } },
      },
    });
    const refused = await until('the policy holds', async () => {
      const answer = await send();
      return answer.status === 201 ? undefined : answer;
    });
    expect(refused.status).toBe(422);
    expect((await problemOf(refused)).detail).toMatch(/at most two shards at once, please/);
    expect((await send({ transcribe: { parallelism: 2 } })).status).toBe(201);
  });

  it('keeps jobs while the API server is dead, and makes each once when it lives again', async () => {
    await open();
    await send({}, { name: 'before' });
    await controlPlane.crash('kube-apiserver');
    const reader = await EventReader.open(main.url);
    const answer = await send({}, { name: 'kept' });
    expect(answer.status).toBe(202);
    const { uid } = (await jobOf(answer)).metadata;
    const unwanted = await jobOf(await send({}, { name: 'unwanted' }));
    expect((await call('DELETE', `/api/v1/jobs/${unwanted.metadata.uid}`)).status).toBe(202);
    expect(await names()).toEqual(expect.arrayContaining(['before', 'kept']));
    expect(await cluster()).toMatchObject({ state: 'down', queued: 1 });
    expect((await call('GET', '/health/ready')).status).toBe(200);
    await controlPlane.startApiServer();
    await world.reachPhase('Succeeded', 'kept');
    const made = (await world.find('kept'))?.metadata.uid ?? '';
    await until('main has heard of it', async () => (await job(uid)).status.phase === 'Succeeded');
    expect((await job(uid)).metadata.uid).toBe(made);
    expect(reader.jobs).toEqual(expect.arrayContaining([`job-deleted ${uid}`, `job ${made} Succeeded`]));
    expect(await world.find('unwanted')).toBeUndefined();
    expect(await cluster()).toMatchObject({ state: 'up', queued: 0 });
    reader.close();
  });

  it('knows its own job again when the answer to making it was lost', async () => {
    await open({ kubelet: false });
    proxy.on({ verb: 'create', resource: 'mediajobs' }, { kind: 'drop-answer' });
    const answer = await send();
    expect(answer.status).toBe(202);
    const { uid } = (await jobOf(answer)).metadata;
    await until('it is the one in the cluster', async () => (await job(uid)).metadata.uid !== uid);
    await until('nothing is kept', async () => (await cluster())?.queued === 0);
    expect(await names()).toHaveLength(1);
  });

  it('gets along with the rights that it has, and uses every one of them', async () => {
    await open({ kubelet: false });
    const source = await anUpload();
    const body = { spec: { source: { path: source }, transcribe: {} } };
    const { uid } = (await jobOf(await call('POST', '/api/v1/jobs', body))).metadata;
    expect((await call('POST', '/api/v1/jobs', body)).status).toBe(200);
    await call('POST', `/api/v1/jobs/${uid}/cancel`);
    await call('DELETE', `/api/v1/jobs/${uid}`);
    const account = { namespace: world.namespace, name: ACCOUNTS.main };
    const user = `system:serviceaccount:${account.namespace}:${account.name}`;
    const events = (await controlPlane.auditEvents()).filter((it) => it.user.username === user);
    // At its very start the API server may not have heard of the roles yet.
    const settled = events.slice(events.findIndex(({ verb }) => verb === 'create'));
    const decisionOf = ({ annotations }: (typeof events)[number]) => annotations?.['authorization.k8s.io/decision'];
    const lacking = settled.filter((it) => decisionOf(it) !== 'allow');
    expect(lacking.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);
    const excess = (await grantedTo(controlPlane.client, account)).filter(
      (it) => !events.some((event) => uses(event, it)),
    );
    expect(excess.map(words)).toEqual([]);
  });
});
