import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeKubeBuild } from '../../scripts/setup/kube.ts';
import { actionsOf } from '../cluster/audit.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { KubeClient, type Resource, type ResourceList } from '../cluster/kube-client.ts';
import { ownedDirectory } from '../cluster/owned-directory.ts';
import { until } from '../cluster/until.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, extra: object = {}): object => ({ metadata: { name, ...extra } });

/** A kind of ours in small. */
const WIDGETS = '/apis/test.mediajob.io/v1/namespaces/default/widgets';
const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.mediajob.io' },
  spec: {
    group: 'test.mediajob.io',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { size: { type: 'integer', maximum: 9 } },
                'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'a widget never changes' }],
              },
            },
          },
        },
      },
    ],
  },
};
const widget = (name: string, size: number): object => ({
  apiVersion: 'test.mediajob.io/v1',
  kind: 'Widget',
  metadata: { name },
  spec: { size },
});

describe('a control plane', () => {
  let one: ControlPlane;
  let other: ControlPlane;

  beforeAll(async () => {
    [one, other] = await Promise.all([
      startControlPlane({ audit: true, definitions: [widgets] }),
      startControlPlane({ controllers: false, watchCache: false, enableAdmissionPlugins: ['AlwaysPullImages'] }),
    ]);
  });

  afterAll(() => Promise.all([one?.stop(), other?.stop()]));

  it('is the Kubernetes that go.mod names, and has a kubectl of the same version', async () => {
    const { version } = describeKubeBuild();
    expect(await one.client.get<{ gitVersion: string }>('/version')).toMatchObject({ gitVersion: version });
    const told = JSON.parse(await one.kubectl(['version', '--output=json'])) as Record<string, { gitVersion: string }>;
    expect(told.clientVersion?.gitVersion).toBe(version);
    expect(told.serverVersion?.gitVersion).toBe(version);
  });

  it('knows nothing of another that runs at the same time', async () => {
    await one.client.create(CONFIG_MAPS, configMap('mine'));
    expect(await one.client.find(`${CONFIG_MAPS}/mine`)).toBeDefined();
    expect(await other.client.find(`${CONFIG_MAPS}/mine`)).toBeUndefined();
    const stranger = new KubeClient(other.url, one.ca, { token: 'admin-of-the-tests' });
    await expect(stranger.get('/version')).rejects.toThrow(/certificate/);
  });

  it('runs the controllers it is asked for, and none when told so', async () => {
    await one.namespace('with-account');
    expect(await one.client.find('/api/v1/namespaces/with-account/configmaps/kube-root-ca.crt')).toBeDefined();
    await other.namespace('without');
    expect(await other.client.list('/api/v1/namespaces/without/serviceaccounts')).toEqual([]);
  });

  it('serves custom resources, and their rules hold', async () => {
    await one.client.create(WIDGETS, widget('small', 1));
    await expect(one.client.create(WIDGETS, widget('large', 10))).rejects.toMatchObject({ status: 422 });
    await expect(one.client.patch(`${WIDGETS}/small`, { spec: { size: 2 } })).rejects.toThrow(/a widget never changes/);
  });

  it('collects what a deleted custom resource owned', async () => {
    const { metadata } = await one.client.create(WIDGETS, widget('owner', 1));
    const ownerReferences = [{ apiVersion: 'test.mediajob.io/v1', kind: 'Widget', name: 'owner', uid: metadata.uid }];
    await one.client.create(CONFIG_MAPS, configMap('owned', { ownerReferences }));
    await one.client.delete(`${WIDGETS}/owner`);
    await until('owned is gone', async () => (await one.client.find(`${CONFIG_MAPS}/owned`)) === undefined);
  });

  it('gives service accounts tokens that are good for their audience alone', async () => {
    const token = await one.token({ namespace: 'default', name: 'default' }, { audiences: ['mediajob'] });
    const review = (audience: string) =>
      one.client.create<{ status: object }>('/apis/authentication.k8s.io/v1/tokenreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [audience] },
      });
    expect((await review('mediajob')).status).toMatchObject({
      authenticated: true,
      audiences: ['mediajob'],
      user: { username: 'system:serviceaccount:default:default' },
    });
    expect((await review('another')).status).not.toMatchObject({ authenticated: true });
    const client = new KubeClient(one.url, one.ca, { token });
    await expect(client.get('/version')).rejects.toMatchObject({ status: 401 });
    client.close();
  });

  it('tells a receiver of a token which pod it was given to', async () => {
    const pod = await one.client.create('/api/v1/namespaces/default/pods', {
      metadata: { name: 'caller' },
      spec: { containers: [{ name: 'run', image: 'none' }] },
    });
    const { name, uid } = pod.metadata;
    const token = await one.token({ namespace: 'default', name: 'default' }, { pod: { name, uid } });
    const { status } = await one.client.create<{ status: { user: { extra: object } } }>(
      '/apis/authentication.k8s.io/v1/tokenreviews',
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } },
    );
    expect(status.user.extra).toMatchObject({
      'authentication.kubernetes.io/pod-name': [name],
      'authentication.kubernetes.io/pod-uid': [uid],
    });
  });

  it('refuses what a service account was not given, and its audit log tells who tried what', async () => {
    const kubeconfig = await one.kubeconfigFor({ namespace: 'default', name: 'curious' });
    const client = await KubeClient.of(kubeconfig);
    await expect(client.list('/api/v1/namespaces/default/secrets')).rejects.toMatchObject({ status: 403 });
    await expect(client.patch(`${WIDGETS}/small`, { metadata: { labels: { a: 'b' } } })).rejects.toMatchObject({
      status: 403,
    });
    client.close();
    const username = 'system:serviceaccount:default:curious';
    const events = await until('both are in the audit log', async () => {
      const found = (await one.auditEvents()).filter((it) => it.user.username === username);
      return found.length >= 2 && found;
    });
    expect(actionsOf(events, username)).toEqual(['list secrets', 'patch test.mediajob.io/widgets']);
    expect(events.map((it) => it.responseStatus?.code)).toEqual([403, 403]);
  });

  it('knows users by their certificates', async () => {
    const client = await KubeClient.of(await one.certificateKubeconfigFor({ user: 'anna', groups: ['editors'] }));
    const { status } = await client.create<{ status: { userInfo: object } }>(
      '/apis/authentication.k8s.io/v1/selfsubjectreviews',
      { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
    );
    client.close();
    expect(status.userInfo).toMatchObject({ username: 'anna', groups: ['editors', 'system:authenticated'] });
  });

  it('takes further admission plugins', async () => {
    const account = { metadata: { name: 'default' } };
    await other.client.create('/api/v1/namespaces/default/serviceaccounts', account);
    const { spec } = await other.client.create<Resource & { spec: { containers: object[] } }>(
      '/api/v1/namespaces/default/pods',
      { metadata: { name: 'pull' }, spec: { containers: [{ name: 'run', image: 'none:1' }] } },
    );
    expect(spec.containers).toMatchObject([{ imagePullPolicy: 'Always' }]);
  });

  it('says 410 to watches and continued lists from before a compaction', async () => {
    const { metadata } = await other.client.create(CONFIG_MAPS, configMap('a'));
    await other.client.create(CONFIG_MAPS, configMap('b'));
    const page = await other.client.call<ResourceList<Resource>>(`${CONFIG_MAPS}?limit=1`);
    await other.client.create(CONFIG_MAPS, configMap('c'));
    await other.compact();

    const lines = [];
    const query = { resourceVersion: metadata.resourceVersion };
    for await (const line of other.client.watch(CONFIG_MAPS, query, AbortSignal.timeout(60_000))) lines.push(line);
    expect(lines).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
    const next = `${CONFIG_MAPS}?${new URLSearchParams({ limit: '1', continue: page.metadata.continue ?? '' })}`;
    await expect(other.client.get(next)).rejects.toMatchObject({ status: 410, reason: 'Expired' });
  });

  it('keeps its objects over an outage of the API server', async () => {
    await other.client.create(CONFIG_MAPS, configMap('kept'));
    await other.crash('kube-apiserver');
    await expect(other.client.get('/readyz')).rejects.toThrow(/ECONNREFUSED/);
    await other.startApiServer();
    expect(await other.client.find(`${CONFIG_MAPS}/kept`)).toBeDefined();
  });

  it('can hang, and go on where it was', async () => {
    other.freeze('kube-apiserver');
    let answered = false;
    const answer = other.client.get(`${CONFIG_MAPS}/kept`).then((object) => {
      answered = true;
      return object;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(answered).toBe(false);
    other.thaw('kube-apiserver');
    expect((await answer).metadata.name).toBe('kept');
  });
});

describe('what a control plane leaves behind', () => {
  it('is nothing when it is stopped', async () => {
    const controlPlane = await startControlPlane({ controllers: false });
    const pids = controlPlane.pids();
    expect(pids).toHaveLength(2);
    await controlPlane.stop();
    expect(pids.filter(isRunning)).toEqual([]);
    expect(existsSync(controlPlane.directory)).toBe(false);
  });

  it('is nothing when its owner is killed with SIGKILL: no process at once, and no directory after the next start', async () => {
    const owner = spawn(process.execPath, [join(import.meta.dirname, 'owner-process.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { pids, directory } = await firstLine<{ pids: number[]; directory: string }>(owner);
    expect(pids.filter(isRunning)).toHaveLength(3);
    owner.kill('SIGKILL');
    await until('its programs are gone', () => pids.every((pid) => !isRunning(pid)));
    rmSync(ownedDirectory('control-plane'), { recursive: true });
    expect(existsSync(directory)).toBe(false);
  });

  it('is told when a program cannot start, with its last words', async () => {
    await expect(startControlPlane({ apiServerArgs: ['--no-such-flag'] })).rejects.toThrow(
      /kube-apiserver ended \(exit code \d+\):[\s\S]*no-such-flag/,
    );
  });
});

async function firstLine<T>(child: ChildProcess): Promise<T> {
  if (!child.stdout) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as T;
  throw new Error('the process ended without a word');
}

/** A zombie, which PID 1 has yet to reap, runs no more. */
function isRunning(pid: number): boolean {
  try {
    return !/^[ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop() ?? '');
  } catch {
    return false;
  }
}
