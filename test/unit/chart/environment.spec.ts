import { ENVIRONMENTS } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { renderChart } from '../../../scripts/gen/chart/render.ts';
import { COMPONENTS, type Component, madeByChart } from '../../../scripts/gen/chart/settings.ts';
import { CASES, type Container, podsOf, rendering } from './renderings.ts';

/** Values that make every setting of the chart's own appear. */
const ALL = {
  image: { pullSecrets: ['registry'] },
  main: { allowedHosts: ['media.example.com'] },
};

const DOWNWARD: Record<string, string> = {
  'metadata.name': 'pod-1',
  'metadata.namespace': 'here',
  'status.podIP': '10.0.0.7',
};

function containerOf(objects: ReturnType<typeof renderChart>, component: string): Container | undefined {
  return podsOf(objects).find(
    ({ of, labels }) => of.kind === 'Deployment' && labels['app.kubernetes.io/component'] === component,
  )?.spec.containers[0];
}

/** As the kubelet gives it to the process. */
function environmentOf({ env = [] }: Container): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => {
      const path = (valueFrom as { fieldRef?: { fieldPath: string } } | undefined)?.fieldRef?.fieldPath;
      return [name, value ?? DOWNWARD[path ?? ''] ?? ''];
    }),
  );
}

const namesOf = (component: Component): string[] => Object.keys(ENVIRONMENTS[component].shape);

describe.each(COMPONENTS)('settings of %s', (component) => {
  const all = renderChart({ values: ALL });

  it('are made by the chart just as the list of those that it makes says', () => {
    const names = Object.keys(environmentOf(containerOf(all, component) as Container));
    expect(names.sort()).toEqual([...madeByChart(component)].sort());
  });

  it('are all known to the contract', () => {
    expect(madeByChart(component).filter((name) => !namesOf(component).includes(name))).toEqual([]);
  });

  it('that the chart does not make can be given by `config`, and arrive as they were given', () => {
    const others = namesOf(component).filter((name) => !madeByChart(component).includes(name));
    expect(others.length).toBeGreaterThan(0);
    const config = Object.fromEntries(others.map((name, index) => [name, index % 2 === 0 ? 2_000_000 : '20GiB']));
    const environment = environmentOf(
      containerOf(renderChart({ values: { [component]: { config } } }), component) as Container,
    );
    for (const [name, value] of Object.entries(config)) expect(environment[name]).toBe(String(value));
  });
});

describe('settings for all', () => {
  it('go to each component that knows them, and its own win', () => {
    const objects = renderChart({
      values: {
        config: { MEDIAJOB_MAX_DURATION: '12h', MEDIAJOB_RECONCILES: 4 },
        converter: { config: { MEDIAJOB_MAX_DURATION: '1h' } },
      },
    });
    const of = (component: string) => environmentOf(containerOf(objects, component) as Container);
    expect(of('main')).toMatchObject({ MEDIAJOB_MAX_DURATION: '12h' });
    expect(of('converter')).toMatchObject({ MEDIAJOB_MAX_DURATION: '1h' });
    expect(of('operator')).toMatchObject({ MEDIAJOB_MAX_DURATION: '12h', MEDIAJOB_RECONCILES: '4' });
    for (const component of ['main', 'converter', 'transcriber'])
      expect(of(component)).not.toHaveProperty('MEDIAJOB_RECONCILES');
    expect(of('transcriber')).not.toHaveProperty('MEDIAJOB_MAX_DURATION');
  });
});

describe.each(CASES)('the environment of every service of: %s', (name) => {
  it('is one that it starts with', () => {
    const objects = rendering(name);
    for (const component of COMPONENTS) {
      const container = containerOf(objects, component);
      if (container === undefined) continue;
      const parsed = (ENVIRONMENTS[component] as z.ZodType).safeParse(environmentOf(container));
      expect(parsed.error?.issues ?? [], component).toEqual([]);
    }
  });

  it('is one that lets go of MediaJobs, too, when the operator is uninstalled', () => {
    const release = podsOf(rendering(name)).find(({ labels }) => labels['app.kubernetes.io/component'] === 'release');
    if (release === undefined) return;
    const parsed = ENVIRONMENTS.operator.safeParse(environmentOf(release.spec.containers[0] as Container));
    expect(parsed.error?.issues ?? []).toEqual([]);
  });
});

describe('what the operator is told', () => {
  it('is what the chart makes: claims, accounts, images, and where progress is reported', () => {
    const objects = rendering('tenants');
    const environment = environmentOf(containerOf(objects, 'operator') as Container);
    const names = (kind: string) => objects.filter((it) => it.kind === kind).map(({ metadata }) => metadata.name);
    expect(names('PersistentVolumeClaim')).toContain(environment.MEDIAJOB_MEDIA_CLAIM);
    expect(names('PersistentVolumeClaim')).toContain(environment.MEDIAJOB_MODELS_CLAIM);
    expect(names('ServiceAccount')).toContain(environment.MEDIAJOB_JOB_SERVICE_ACCOUNT);
    expect(environment.MEDIAJOB_CONVERTER_IMAGE).toBe(containerOf(objects, 'converter')?.image);
    expect(environment.MEDIAJOB_TRANSCRIBER_IMAGE).toBe(containerOf(objects, 'transcriber')?.image);
    expect(environment.MEDIAJOB_WATCH_NAMESPACES).toBe('mediajob,team-a,team-b');
    const { hostname, port } = new URL(environment.MEDIAJOB_PROGRESS_URL as string);
    expect(hostname).toBe('mediajob-operator.mediajob.svc');
    const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'mediajob-operator');
    expect(service).toMatchObject({ spec: { ports: [{ port: Number(port) }] } });
  });

  it('names the claims that are there already', () => {
    const environment = environmentOf(containerOf(rendering('existing-volumes'), 'operator') as Container);
    expect(environment).toMatchObject({ MEDIAJOB_MEDIA_CLAIM: 'recordings', MEDIAJOB_MODELS_CLAIM: 'models' });
  });
});
