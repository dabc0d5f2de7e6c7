import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../cluster/kube-client.ts';
import { until } from '../cluster/until.ts';
import { SAMPLE } from '../system/speech.ts';
import { FILES_POD, filesPod } from './files-pod.ts';
import { type MediaJobObject, Release, removeNamespace } from './release.ts';

const HOME = 'e2e-namespaces';
const LEAVING = `${HOME}-leaving`;
const STAYING = `${HOME}-staying`;
const OFF = { enabled: false };
const NO_NODE = { nodeSelector: { 'kubernetes.io/hostname': 'there-is-none' } };

let release: Release;
beforeAll(async () => {
  release = await Release.begin({
    namespace: HOME,
    values: {
      main: OFF,
      converter: OFF,
      transcriber: OFF,
      profiles: { nowhere: { convert: NO_NODE } },
      tenants: [LEAVING, STAYING].map((namespace) => ({ namespace, createNamespace: true })),
    },
  });
  await release.untilReady();
  for (const namespace of [LEAVING, STAYING]) {
    const pod = filesPod({ image: release.image('main'), media: 'mediajob-media', models: 'mediajob-models' });
    await release.kubectl(['apply', '-n', namespace, '-f', '-'], { input: JSON.stringify(pod) });
    await release.kubectl(['wait', '-n', namespace, '--for=condition=Ready', `pod/${FILES_POD}`, '--timeout=180s']);
    await release.put(SAMPLE, '/data/inbox/jfk.mp3', namespace);
  }
});
afterAll(async () => {
  if (release === undefined) return;
  const { client } = release.cluster;
  // The release went with its namespace, but for what is in none.
  for (const kind of ['clusterrolebindings', 'clusterroles']) {
    const path = `/apis/rbac.authorization.k8s.io/v1/${kind}`;
    for (const { metadata } of await client.list<Resource>(path))
      if (metadata.name.startsWith(`${HOME}-`)) await client.delete(`${path}/${metadata.name}`);
  }
  for (const namespace of [LEAVING, STAYING, HOME]) await removeNamespace(client, namespace);
});

const source = { path: 'inbox/jfk.mp3' };
const convert = { renditions: [{ format: 'm4a' }] };

function make(namespace: string, name: string, spec: object): Promise<unknown> {
  return release.cluster.client.create(`/apis/mediajob.io/v1alpha1/namespaces/${namespace}/mediajobs`, {
    apiVersion: 'mediajob.io/v1alpha1',
    kind: 'MediaJob',
    metadata: { name },
    spec: { source, ...spec },
  });
}

function find(namespace: string, name: string): Promise<MediaJobObject | undefined> {
  const path = `/apis/mediajob.io/v1alpha1/namespaces/${namespace}/mediajobs/${name}`;
  return release.cluster.client.find<MediaJobObject>(path);
}

async function reach(namespace: string, name: string, want: (it: MediaJobObject) => boolean): Promise<void> {
  let last: MediaJobObject | undefined;
  await until(
    `${name} of ${namespace} is as it should be`,
    async () => {
      last = await find(namespace, name);
      return last !== undefined && want(last);
    },
    { limitMs: 300_000, everyMs: 500, explain: () => JSON.stringify(last?.status, null, 2) },
  );
}

const isDone = ({ status }: MediaJobObject) => status?.phase === 'Succeeded';
const waitsFor = (reason: string) => (it: MediaJobObject) =>
  it.status?.conditions.some((condition) => condition.type === 'Queued' && condition.reason === reason) === true;

/** A finished one, one whose pod no node takes, and one that waits for a model: the operator holds all of them. */
async function fill(namespace: string): Promise<void> {
  await make(namespace, 'done', { convert });
  await make(namespace, 'nowhere', { convert, profile: 'nowhere' });
  await make(namespace, 'modelless', { transcribe: { language: 'en' } });
  await reach(namespace, 'done', isDone);
  await reach(namespace, 'nowhere', waitsFor('Unschedulable'));
  await reach(namespace, 'modelless', waitsFor('ModelMissing'));
  for (const name of ['done', 'nowhere', 'modelless'])
    expect((await find(namespace, name))?.metadata.finalizers).toEqual(['mediajob.io/files']);
}

describe('a namespace that is deleted with its MediaJobs', () => {
  it('is let go by the operator, which may do nothing more than that outside of its own', async () => {
    const who = `--as=system:serviceaccount:${HOME}:mediajob-operator`;
    const may = async (verb: string, what: string) => {
      const ask = release.kubectl(['auth', 'can-i', verb, what, '-n', 'default', who]);
      return /(^|\n)yes(\n|$)/.test(await ask.catch((error: Error) => error.message));
    };
    for (const verb of ['list', 'watch', 'patch']) expect(await may(verb, 'mediajobs.mediajob.io')).toBe(true);
    for (const verb of ['get', 'create', 'update', 'delete'])
      expect(await may(verb, 'mediajobs.mediajob.io')).toBe(false);
    for (const what of ['pods', 'jobs.batch', 'secrets', 'persistentvolumeclaims'])
      expect(await may('get', what)).toBe(false);
  });

  it('goes, and a tenant who stays notices nothing', async () => {
    await fill(LEAVING);
    await removeNamespace(release.cluster.client, LEAVING);
    await make(STAYING, 'after', { convert });
    await reach(STAYING, 'after', isDone);
  });

  it('goes also when it is that of the operator, which lets go of those of its tenants as well', async () => {
    await make(HOME, 'nowhere', { convert, profile: 'nowhere' });
    await reach(HOME, 'nowhere', waitsFor('Unschedulable'));
    expect((await find(HOME, 'nowhere'))?.metadata.finalizers).toHaveLength(1);
    await removeNamespace(release.cluster.client, HOME);
    const left = await find(STAYING, 'after');
    expect(left?.status?.phase).toBe('Succeeded');
    expect(left?.metadata.finalizers).toBeUndefined();
  });
});
