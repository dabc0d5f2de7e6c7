import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CLUSTER_GRANTS,
  KUEUE_GRANTS,
  MAIN_GRANTS,
  ownNamespaceGrants,
  policyRules,
  watchedNamespaceGrants,
} from '@mediajob/contract/rbac';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderChart } from '../../scripts/gen/chart/render.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { KubeClient, type Resource } from '../cluster/kube-client.ts';
import { until } from '../cluster/until.ts';
import { CASES, titleOf, valuesOf } from '../unit/chart/renderings.ts';

/** Kinds that others bring; what they make of them is theirs to test. */
const FOREIGN = /^(monitoring\.coreos\.com|cert-manager\.io|gateway\.networking\.k8s\.io|kueue\.x-k8s\.io)\//;
const K8S = join(import.meta.dirname, '../../k8s');
const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  // Named by some of the examples, and an administrator's to make.
  const others = [
    { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'high' }, value: 1000 },
    { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' }, handler: 'nvidia' },
  ];
  await apply(others);
  await controlPlane.namespace('team-b', RESTRICTED);
});
afterAll(() => controlPlane?.stop());

/** Fields that the API server does not know are an error. @returns how many objects it took */
async function apply(objects: readonly object[]): Promise<number> {
  const input = objects.map((it) => JSON.stringify(it)).join('\n---\n');
  const said = await controlPlane.kubectl(
    ['apply', '--server-side', '--force-conflicts', '--validate=strict', '--filename=-'],
    { input },
  );
  return said.trim().split('\n').length;
}

interface Deployment extends Resource {
  spec: { replicas: number };
  status?: { replicas?: number; conditions?: { type: string; message: string }[] };
}

/** Every Deployment and every Job here has the pods that it asks for: Pod Security `restricted` lets them in. */
async function podsAreMade(namespace: string): Promise<void> {
  const { client } = controlPlane;
  let last = '';
  await until(
    `all pods of ${namespace} are made`,
    async () => {
      const deployments = await client.list<Deployment>(`/apis/apps/v1/namespaces/${namespace}/deployments`);
      const jobs = await client.list<Resource & { status?: { active?: number } }>(
        `/apis/batch/v1/namespaces/${namespace}/jobs`,
      );
      const waiting = deployments.filter(({ spec, status }) => status?.replicas !== spec.replicas);
      const idle = jobs.filter(({ status }) => status?.active !== 1);
      last = JSON.stringify([
        ...waiting.map((it) => [it.metadata.name, it.status]),
        ...idle.map((it) => it.metadata.name),
      ]);
      return waiting.length === 0 && idle.length === 0;
    },
    { explain: () => last, limitMs: 60_000 },
  );
}

describe('what the chart makes', () => {
  it.each(CASES.map((name, index) => [name, `n${index}`] as const))(
    'of %s is taken as it stands by a real API server, in a namespace with Pod Security `restricted`',
    async (name, namespace) => {
      await controlPlane.namespace(namespace, RESTRICTED);
      const objects = renderChart({ namespace, values: valuesOf(name) });
      const known = objects.filter(({ apiVersion }) => !FOREIGN.test(apiVersion));
      expect(await apply(known), objects.map(titleOf).join()).toBe(known.length);
      await podsAreMade(namespace);
    },
  );

  it('is taken a second time without changing anything', async () => {
    const namespace = await controlPlane.namespace('again', RESTRICTED);
    const objects = renderChart({ namespace }).filter(({ kind }) => kind !== 'Pod');
    await apply(objects);
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const generations = async () =>
      (await controlPlane.client.list(path)).map(({ metadata }) => [metadata.name, metadata.generation]);
    const before = await generations();
    await apply(objects);
    expect(await generations()).toEqual(before);
    expect(before).toHaveLength(4);
  });
});

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** What `kubectl auth can-i --list` shows to an account in a namespace. */
async function rightsOf(name: string, namespace: string): Promise<string[]> {
  const client = await KubeClient.of(await controlPlane.kubeconfigFor({ namespace: 'mediajob', name }));
  try {
    const { status } = await client.create<{ status: { resourceRules: Rule[] } }>(
      '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
      { spec: { namespace } },
    );
    return status.resourceRules.map(words);
  } finally {
    client.close();
  }
}

function words({ verbs, apiGroups, resources, resourceNames = [] }: Rule): string {
  return [[...verbs].sort(), apiGroups, resources, resourceNames].map((it) => it.join()).join(' ');
}

describe('k8s/', () => {
  const NAMES = { lease: 'mediajob-operator', progressSecret: 'mediajob-progress-tls', mediaClaim: 'mediajob-media' };

  it('is everything in one file for kubectl, and the examples are taken', async () => {
    const file = readFileSync(join(K8S, 'mediajob.yaml'), 'utf8');
    await controlPlane.kubectl(['apply', '--validate=strict', '--filename=-'], { input: file });
    await controlPlane.kubectl(['wait', '--for=condition=Established', 'crd/mediajobs.mediajob.io']);
    await podsAreMade('mediajob');
    for (const name of readdirSync(join(K8S, 'examples')))
      await controlPlane.kubectl([
        'apply',
        '--validate=strict',
        '--namespace=mediajob',
        '--filename',
        join(K8S, 'examples', name),
      ]);
    const jobs = await controlPlane.client.list('/apis/mediajob.io/v1alpha1/namespaces/mediajob/mediajobs');
    expect(jobs.map(({ metadata }) => metadata.name).sort()).toEqual([
      'conference',
      'convert-only',
      'lecture',
      'queued',
      'talk',
    ]);
    await podsAreMade('mediajob');
  });

  it.each([
    [
      'mediajob-operator',
      'mediajob',
      [...watchedNamespaceGrants(NAMES), ...KUEUE_GRANTS, ...ownNamespaceGrants(NAMES), ...CLUSTER_GRANTS],
    ],
    ['mediajob-operator', 'default', CLUSTER_GRANTS],
    ['mediajob-main', 'mediajob', MAIN_GRANTS],
    ['mediajob-main', 'default', []],
    ['mediajob-converter', 'mediajob', []],
    ['mediajob-transcriber', 'mediajob', []],
    ['mediajob-models', 'mediajob', []],
  ])('%s may do in the namespace %s just what docs/SECURITY.md says', async (account, namespace, grants) => {
    // Whoever is authenticated may ask for these: the account of Jobs, to which nothing is bound, has no more.
    const everybody = await rightsOf('mediajob-job', namespace);
    const own = (await rightsOf(account, namespace)).filter((it) => !everybody.includes(it));
    expect(own.sort()).toEqual(policyRules(grants).map(words).sort());
  });
});
