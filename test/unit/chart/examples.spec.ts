import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMediaJob } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { CHART } from '../../../scripts/gen/chart/render.ts';
import { bringHelm } from '../../../scripts/setup/helm.ts';
import { EXAMPLES, type KubeObject, podsOf, rendering, valuesOf } from './renderings.ts';

const UID = '0b9f8f6e-2f0c-4b58-9a5e-0f6a3b1c2d4e';
const ROOT = join(import.meta.dirname, '../../..');
const identity = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

describe('the chart', () => {
  it.each(['', ...EXAMPLES])('passes helm lint --strict %s', (name) => {
    const values = name === '' ? [] : ['--values', join(CHART, 'examples', `${name}.yaml`)];
    const { status, stdout, stderr } = spawnSync(bringHelm(), ['lint', '--strict', CHART, ...values], {
      encoding: 'utf8',
    });
    expect(status, stdout + stderr).toBe(0);
  });

  it('has the version of everything else', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as { version: string; appVersion: string };
    expect(chart).toMatchObject({ version, appVersion: version, kubeVersion: '>=1.31.0-0' });
    for (const { of, spec } of podsOf(rendering('defaults')))
      for (const { image } of spec.containers)
        expect(image, of.metadata.name).toMatch(new RegExp(`^mediajob/[a-z]+:${version}$`));
  });

  it.each(EXAMPLES)('makes of %s, beside what it makes of its own values, what it made before', async (name) => {
    const plain = new Map(rendering('defaults').map((it) => [identity(it), JSON.stringify(it)]));
    const objects = rendering(name);
    const changed = objects.filter((it) => plain.get(identity(it)) !== JSON.stringify(it));
    const there = new Set(objects.map(identity));
    const gone = [...plain.keys()].filter((it) => !there.has(it));
    const texts = changed.map((it) => stringify(it, { lineWidth: 120, aliasDuplicateObjects: false }));
    const text = `# Not made: ${gone.join(', ') || 'nothing'}\n${texts.join('---\n')}`;
    await expect(text).toMatchFileSnapshot(`golden/${name}.yaml`);
  });

  it('makes no object twice, and none without a namespace that belongs into one', () => {
    const everywhere = ['ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition', 'Namespace'];
    for (const name of EXAMPLES) {
      const objects = rendering(name);
      expect(new Set(objects.map(identity)).size, name).toBe(objects.length);
      for (const object of objects)
        expect(object.metadata.namespace === undefined, identity(object)).toBe(everywhere.includes(object.kind));
    }
  });

  it('keeps the definition and the volumes when it is uninstalled, unless told otherwise', () => {
    const kept = (values: string) =>
      rendering(values)
        .filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep')
        .map(identity)
        .sort();
    expect(kept('defaults')).toEqual([
      'CustomResourceDefinition /mediajobs.mediajob.io',
      'PersistentVolumeClaim mediajob/mediajob-media',
      'PersistentVolumeClaim mediajob/mediajob-models',
    ]);
    expect(kept('tenants')).toContain('Namespace /team-a');
  });

  it('never has a key or a certificate in it', () => {
    for (const name of EXAMPLES) {
      expect(rendering(name).filter(({ kind }) => kind === 'Secret')).toEqual([]);
      expect(JSON.stringify(rendering(name))).not.toMatch(/BEGIN [A-Z ]*(KEY|CERTIFICATE)/);
    }
  });

  it('calls the Job that fetches models another name when it has something else to do', () => {
    const jobs = (name: string) =>
      rendering(name)
        .filter(({ kind, metadata }) => kind === 'Job' && metadata.name.includes('-models-'))
        .map(({ metadata }) => metadata.name);
    expect(jobs('defaults')).toHaveLength(1);
    expect(jobs('air-gapped')).not.toEqual(jobs('defaults'));
    expect(jobs('monitoring')).toEqual(jobs('defaults'));
    expect(jobs('existing-volumes')).toEqual([]);
  });

  it('sends a browser to the same main again where there are several', () => {
    const [nginx, traefik] = ['ingress-nginx', 'ingress-traefik'].map((name) => JSON.stringify(rendering(name)));
    expect(nginx).toContain('"nginx.ingress.kubernetes.io/affinity":"cookie"');
    expect(nginx).toContain('"nginx.ingress.kubernetes.io/proxy-body-size":"0"');
    expect(traefik).toContain('"traefik.ingress.kubernetes.io/service.sticky.cookie":"true"');
    for (const text of [nginx, traefik]) expect(text).toContain('"sessionAffinity":"ClientIP"');
    expect(JSON.stringify(rendering('defaults'))).not.toContain('sessionAffinity');
  });

  it('has a budget for what has several replicas, and for nothing else', () => {
    const budgets = (name: string) =>
      rendering(name)
        .filter(({ kind }) => kind === 'PodDisruptionBudget')
        .map(({ metadata }) => metadata.name);
    expect(budgets('defaults')).toEqual(['mediajob-operator']);
    expect(budgets('one-node')).toEqual([]);
    expect(budgets('high-availability').sort()).toEqual([
      'mediajob-converter',
      'mediajob-main',
      'mediajob-operator',
      'mediajob-transcriber',
    ]);
  });

  it('lets a test transcribe the sample by the public API, with what is installed', () => {
    const test = rendering('defaults').find(({ kind }) => kind === 'Pod');
    expect(test?.metadata.annotations?.['helm.sh/hook']).toBe('test');
    expect(podsOf(test === undefined ? [] : [test])[0]?.spec.containers[0]).toMatchObject({
      image: expect.stringMatching(/^mediajob\/main:/),
      command: ['mediajob-smoke'],
      args: ['--url', 'http://mediajob-main:80', '--model', 'base', '--timeout', '600'],
    });
  });

  it('writes what somebody else’s objects say, with what they ask for', () => {
    const more = rendering('objects of somebody else').filter(({ metadata }) =>
      ['more', 'text'].includes(metadata.name),
    );
    expect(more).toMatchObject([{ data: { of: 'mediajob' } }, { kind: 'ConfigMap' }]);
  });
});

describe('profiles in the examples', () => {
  it.each(EXAMPLES.filter((name) => 'profiles' in valuesOf(name)))(
    '%s arrives in the operator’s file as it was written',
    (name) => {
      const file = rendering(name).find(({ metadata }) => metadata.name === 'mediajob-profiles')?.data as Record<
        string,
        string
      >;
      expect(parse(file['profiles.yaml'] ?? '')).toEqual({
        profiles: (valuesOf(name) as { profiles: object }).profiles,
      });
    },
  );
});

describe('k8s/examples', () => {
  const directory = join(ROOT, 'k8s/examples');
  const files = readdirSync(directory).map(
    (name) => [name, parse(readFileSync(join(directory, name), 'utf8'))] as const,
  );

  it.each(files.filter(([, { kind }]) => kind === 'MediaJob'))(
    '%s is a MediaJob that the operator understands',
    (_name, object) => {
      const made = { uid: UID, resourceVersion: '1', creationTimestamp: '2026-11-25T00:00:00Z' };
      expect(readMediaJob({ ...object, metadata: { ...object.metadata, ...made } }).invalid).toBeUndefined();
    },
  );

  it('the sample’s Job keeps to what pods of the chart keep to, and mounts their volume', () => {
    const sample = files.find(([name]) => name === 'inbox-sample.yaml')?.[1] as KubeObject;
    const [pod] = podsOf([sample]);
    const main = podsOf(rendering('defaults')).find(({ labels }) => labels['app.kubernetes.io/component'] === 'main');
    expect(pod?.spec.securityContext).toEqual(main?.spec.securityContext);
    expect(pod?.spec.containers[0]?.securityContext).toEqual(main?.spec.containers[0]?.securityContext);
    expect(pod?.spec.containers[0]?.image).toBe(main?.spec.containers[0]?.image);
    expect(pod?.spec.volumes?.[0]).toEqual(main?.spec.volumes?.[0]);
  });
});
