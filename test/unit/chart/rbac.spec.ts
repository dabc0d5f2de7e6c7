import { policyRules, RELEASE_GRANTS, rbacObjects } from '@mediajob/contract/rbac';
import { describe, expect, it } from 'vitest';
import { renderChart } from '../../../scripts/gen/chart/render.ts';
import { CASES, type KubeObject, rendering } from './renderings.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Binding extends KubeObject {
  readonly roleRef: { kind: string; name: string };
  readonly subjects: readonly { kind: string; name: string; namespace: string }[];
}

/** Each right as a line: `mediajob/mediajob-operator in mediajob: list,watch batch/jobs`. */
function rightsOf(objects: readonly KubeObject[]): string[] {
  const bindings = objects.filter(({ kind }) => kind.endsWith('Binding')) as Binding[];
  return bindings
    .flatMap(({ metadata, roleRef, subjects }) => {
      const role = objects.find(
        (it) =>
          it.kind === roleRef.kind && it.metadata.name === roleRef.name && it.metadata.namespace === metadata.namespace,
      );
      const rules = (role?.rules ?? [{ apiGroups: ['no'], resources: ['role'], verbs: [] }]) as Rule[];
      return subjects.flatMap((who) =>
        rules.map((rule) => `${who.namespace}/${who.name} in ${metadata.namespace ?? 'the cluster'}: ${wordsOf(rule)}`),
      );
    })
    .sort();
}

function wordsOf({ apiGroups, resources, resourceNames = [], verbs }: Rule): string {
  return `${[...verbs].sort().join()} ${apiGroups.join()}/${resources.join()} ${resourceNames.join()}`.trim();
}

const isHook = ({ metadata }: KubeObject): boolean => metadata.annotations?.['helm.sh/hook'] !== undefined;
const installed = (name: string): KubeObject[] => rendering(name).filter((it) => !isHook(it));

describe('rights', () => {
  it('are those of the contract, no more and no less', () => {
    const contract = rbacObjects({
      namespace: 'mediajob',
      lease: 'mediajob-operator',
      progressSecret: 'mediajob-progress-tls',
      mediaClaim: 'mediajob-media',
    }) as readonly KubeObject[];
    expect(rightsOf(installed('defaults'))).toEqual(rightsOf(contract));
    const people = (objects: readonly KubeObject[]) =>
      objects
        .filter(({ metadata }) => Object.keys(metadata.labels ?? {}).some((it) => it.includes('aggregate-to')))
        .map(({ metadata, rules }) => [
          Object.keys(metadata.labels ?? {}).find((it) => it.includes('aggregate-to')),
          (rules as Rule[]).map(wordsOf),
        ])
        .sort();
    expect(people(installed('defaults'))).toEqual(people(contract));
  });

  it('are the same in each namespace that is watched, and main’s in its own alone', () => {
    const rights = rightsOf(installed('tenants'));
    const here = rights.filter(
      (it) => it.startsWith('mediajob/mediajob-operator in mediajob: list,watch,patch') || it.includes('batch/jobs'),
    );
    for (const namespace of ['mediajob', 'team-a', 'team-b']) {
      expect(here.some((it) => it.includes(`in ${namespace}:`))).toBe(true);
    }
    expect(rights.filter((it) => it.startsWith('mediajob/mediajob-main')).map((it) => it.split(':')[0])).toEqual([
      'mediajob/mediajob-main in mediajob',
    ]);
    expect(rights.filter((it) => it.includes('secrets')).every((it) => it.includes('in mediajob:'))).toBe(true);
  });

  it('are for the whole cluster only when all namespaces are watched, and nothing else changes', () => {
    const all = rightsOf(installed('all-namespaces')).filter((it) => it.includes('in the cluster'));
    const one = rightsOf(installed('defaults')).filter((it) => it.includes('in the cluster'));
    expect(one).toEqual(['mediajob/mediajob-operator in the cluster: create authentication.k8s.io/tokenreviews']);
    expect(all).toHaveLength(10);
    expect(all.filter((it) => it.includes('secrets'))).toEqual([]);
  });

  it('to let go of MediaJobs whose namespace is deleted are there when those of others are run, unless refused', () => {
    const everywhere = (objects: readonly KubeObject[]) =>
      rightsOf(objects.filter((it) => !isHook(it))).filter((it) => it.includes('in the cluster'));
    const tenants = { tenants: [{ namespace: 'team-a' }] };
    expect(everywhere(rendering('tenants'))).toEqual([
      'mediajob/mediajob-operator in the cluster: create authentication.k8s.io/tokenreviews',
      'mediajob/mediajob-operator in the cluster: get /namespaces',
      'mediajob/mediajob-operator in the cluster: list,patch,watch mediajob.io/mediajobs',
    ]);
    const watched = { operator: { watchNamespaces: ['team-b'] } };
    expect(everywhere(renderChart({ values: watched }))).toEqual(everywhere(rendering('tenants')));
    const refused = { ...tenants, operator: { releaseOnNamespaceDeletion: false } };
    expect(everywhere(renderChart({ values: refused }))).toHaveLength(1);
  });

  it('of the hook of several namespaces are for the cluster, since one of them may be gone by then', () => {
    const [rule] = policyRules(RELEASE_GRANTS);
    expect(rightsOf(rendering('tenants').filter(isHook))).toEqual([
      `mediajob/mediajob-release in the cluster: ${wordsOf(rule as Rule)}`,
    ]);
  });

  it('of the hook are what lets go of MediaJobs, where they were watched, and go with it', () => {
    const values = {
      tenants: [{ namespace: 'team-a' }, { namespace: 'team-b' }],
      operator: { releaseOnNamespaceDeletion: false },
    };
    const hooks = renderChart({ values }).filter(isHook);
    const [rule] = policyRules(RELEASE_GRANTS);
    expect(rightsOf(hooks)).toEqual(
      ['mediajob', 'team-a', 'team-b'].map((it) => `mediajob/mediajob-release in ${it}: ${wordsOf(rule as Rule)}`),
    );
    const ofRelease = hooks.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'post-delete');
    expect(ofRelease.map(({ kind }) => kind).sort()).toEqual([
      'Job',
      'NetworkPolicy',
      ...Array.from({ length: 3 }, () => 'Role'),
      ...Array.from({ length: 3 }, () => 'RoleBinding'),
      'ServiceAccount',
    ]);
    for (const { metadata } of ofRelease)
      expect(metadata.annotations?.['helm.sh/hook-delete-policy']).toBe('before-hook-creation,hook-succeeded');
  });
});

describe.each(CASES)('rights in: %s', (name) => {
  const objects = rendering(name);

  it('have no wildcard, nothing inside of pods, and belong to accounts that are there', () => {
    for (const right of rightsOf(objects)) expect(right).not.toMatch(/\*|pods\/|no\/role/);
    const accounts = objects
      .filter(({ kind }) => kind === 'ServiceAccount')
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    for (const right of rightsOf(objects)) expect(accounts).toContain(right.split(' ')[0]);
  });

  it('are none for the pods of Jobs, of converter, of transcriber, and of the one that fetches models', () => {
    expect(rightsOf(objects).filter((it) => /-(job|converter|transcriber|models) in /.test(it))).toEqual([]);
  });
});
