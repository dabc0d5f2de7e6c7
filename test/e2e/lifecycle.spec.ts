import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CLUSTER_GRANTS,
  type Grant,
  KUEUE_GRANTS,
  MAIN_GRANTS,
  ownNamespaceGrants,
  policyRules,
  watchedNamespaceGrants,
} from '@mediajob/contract/rbac';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Resource } from '../cluster/kube-client.ts';
import { until } from '../cluster/until.ts';
import { loopedSpeech, SAMPLE_TEXT } from '../system/speech.ts';
import { type Pod, Release, removeNamespace, type Values } from './release.ts';
import { CHART } from './the-cluster.ts';

const NAMESPACE = 'e2e-lifecycle';
// The definition belongs to the release here, so that it can be seen to stay when the release goes.
const VALUES: Values = { crds: { enabled: true, keep: true } };

let release: Release;
beforeAll(async () => {
  release = await Release.install({ namespace: NAMESPACE, values: VALUES, args: ['--take-ownership'] });
});
afterAll(async () => {
  if (release === undefined) return;
  await release.uninstall().catch(() => removeNamespace(release.cluster.client, NAMESPACE));
});

describe('an installed release', () => {
  it('has every Deployment Ready in a namespace that enforces Pod Security `restricted`', async () => {
    const { metadata } = await release.cluster.client.get<Resource>(`/api/v1/namespaces/${NAMESPACE}`);
    expect(metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    expect((await release.deployments()).map((it) => it.metadata.name).sort()).toEqual([
      'mediajob-converter',
      'mediajob-main',
      'mediajob-operator',
      'mediajob-transcriber',
    ]);
    const loose = { name: 'a', image: release.image('main') };
    const body = { metadata: { name: 'loose' }, spec: { containers: [loose] } };
    await expect(release.cluster.client.create(`/api/v1/namespaces/${NAMESPACE}/pods`, body)).rejects.toThrow(
      /violates PodSecurity "restricted/,
    );
  });

  const NAMES = { lease: 'mediajob-operator', progressSecret: 'mediajob-progress-tls', mediaClaim: 'mediajob-media' };
  it.each<[string, readonly Grant[]]>([
    ['operator', [...watchedNamespaceGrants(NAMES), ...KUEUE_GRANTS, ...ownNamespaceGrants(NAMES), ...CLUSTER_GRANTS]],
    ['main', MAIN_GRANTS],
    ['converter', []],
    ['transcriber', []],
  ])('lets %s do what is documented, and nothing else', async (component, grants) => {
    // Whoever is authenticated may ask for these: nothing is bound to the account of Jobs.
    const everybody = await rightsOf('mediajob-job');
    const own = (await rightsOf(`mediajob-${component}`)).filter((it) => !everybody.includes(it));
    expect(own.sort()).toEqual(policyRules(grants).map(words).sort());
  });
});

interface BatchJob extends Resource {
  spec: { ttlSecondsAfterFinished?: number };
}

/** Which Job it is, and what it does. A time to live is added when its outcome is recorded. */
function identityOf({ metadata, spec: { ttlSecondsAfterFinished: _, ...spec } }: BatchJob): unknown[] {
  return [metadata.name, metadata.uid, spec];
}

const runsOf = (uid: string): Promise<BatchJob[]> =>
  release.cluster.client.list<BatchJob>(
    `/apis/batch/v1/namespaces/${NAMESPACE}/jobs?labelSelector=mediajob.io/uid%3D${uid}`,
  );

/** The sample, `times` over. @returns its path on the volume */
async function putSpeech(times: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'mediajob-speech-'));
  try {
    const file = join(directory, 'speech.flac');
    loopedSpeech(file, times);
    return await release.putSample('speech.flac', file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('helm upgrade while a Job runs', () => {
  it('replaces the services and leaves the Job and its pod as they are', async () => {
    const source = await putSpeech(12);
    const { metadata } = await release.create('under-way', {
      source: { path: source },
      transcribe: { language: 'en' },
    });
    const pod = await until<Pod>(
      'its transcription runs',
      async () => {
        const pods = await release.pods(`mediajob.io/uid=${metadata.uid},mediajob.io/stage=transcribe`);
        return pods.find((it) => it.status.phase === 'Running');
      },
      { limitMs: 300_000 },
    );
    const before = await runsOf(metadata.uid);
    const services = (await release.podsOf('operator')).map((it) => it.metadata.uid);

    // What runs is made otherwise from now on: other resources, another level of its log.
    const transcribe = { resources: { requests: { cpu: '30m', memory: '64Mi' }, limits: { memory: '3Gi' } } };
    await release.helm(['upgrade', release.name, CHART], {
      ...VALUES,
      logLevel: 'debug',
      profiles: { default: { transcribe } },
    });
    await release.untilReady();
    const ended = await release.untilPhase('under-way', 'Succeeded');

    expect(ended.status).toMatchObject({ attempt: 1, attempts: [] });
    const after = await runsOf(metadata.uid);
    expect(after.map(identityOf)).toEqual(before.map(identityOf));
    const [transcription] = (await release.pods(
      `mediajob.io/uid=${metadata.uid},mediajob.io/stage=transcribe`,
    )) as Pod[];
    expect(transcription?.metadata.uid).toBe(pod.metadata.uid);
    expect(transcription?.status.containerStatuses?.map((it) => it.restartCount)).toEqual([0]);
    const replaced = (await release.podsOf('operator')).map((it) => it.metadata.uid);
    expect(replaced.filter((it) => services.includes(it))).toEqual([]);
  });
});

describe('helm uninstall', () => {
  it('keeps the definition, MediaJobs that nothing holds, the claims and all files; the same names go on with them', async () => {
    const { client } = release.cluster;
    await release.putSample();
    await release.create('kept', { source: { path: 'inbox/jfk.mp3' }, transcribe: { language: 'en' } });
    const kept = await release.untilPhase('kept', 'Succeeded');
    expect(kept.metadata.finalizers).toEqual(['mediajob.io/files']);
    await release.helm(['uninstall', release.name, '--timeout', '300s']);

    const left = await release.job('kept');
    expect(left.metadata.uid).toBe(kept.metadata.uid);
    expect(left.metadata.finalizers ?? []).toEqual([]);
    expect(await release.transcriptText(left)).toContain(SAMPLE_TEXT);
    const claims = await client.list<Resource & { status: { phase: string } }>(
      `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`,
    );
    expect(claims.map((it) => [it.metadata.name, it.status.phase]).sort()).toEqual([
      ['mediajob-media', 'Bound'],
      ['mediajob-models', 'Bound'],
    ]);
    for (const path of [
      `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`,
      `/api/v1/namespaces/${NAMESPACE}/services`,
      `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/networkpolicies`,
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/roles`,
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`,
    ]) {
      await until(`all of ${path} is gone`, async () => (await client.list(path)).length === 0);
    }

    await release.helm(['install', release.name, CHART], VALUES);
    await release.untilReady();
    expect((await release.job('kept')).status?.phase).toBe('Succeeded');
    await release.create('after', { source: { path: 'inbox/jfk.mp3' }, transcribe: { language: 'en' } });
    await release.untilPhase('after', 'Succeeded');
  });
});

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What `kubectl auth can-i --list` shows to an account of the release. */
async function rightsOf(account: string): Promise<string[]> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace: NAMESPACE },
  };
  const text = await release.kubectl(
    ['create', '-f', '-', '--validate=false', '-o', 'json', `--as=system:serviceaccount:${NAMESPACE}:${account}`],
    { input: JSON.stringify(review) },
  );
  return (JSON.parse(text) as { status: { resourceRules: Rule[] } }).status.resourceRules.map(words);
}

function words({ verbs, apiGroups, resources, resourceNames = [] }: Rule): string {
  return [[...verbs].sort(), apiGroups, resources, resourceNames].map((it) => it.join()).join(' ');
}
