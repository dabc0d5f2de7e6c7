import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART, type KubeObject, type RenderOptions, renderChart } from '../../../scripts/gen/chart/render.ts';

export type { KubeObject };

const DIRECTORY = join(CHART, 'examples');

/** Names of the chart's examples, which are also the matrix of its tests. */
export const EXAMPLES = readdirSync(DIRECTORY)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length));

/** Values that no example has, each of which makes something else. */
export const MORE: Readonly<Record<string, object>> = {
  defaults: {},
  'no network policies, no roles for people, no test': {
    networkPolicy: { enabled: false },
    aggregateRoles: false,
    test: { enabled: false },
    podDisruptionBudget: { enabled: false },
  },
  'no progress': { operator: { progress: { tls: 'off' }, kueue: 'off', releaseOnUninstall: false } },
  'an authority of cert-manager for this alone': { operator: { progress: { tls: 'cert-manager' } } },
  'the operator alone': { main: { enabled: false }, converter: { enabled: false }, transcriber: { enabled: false } },
  'everything about pods': {
    commonLabels: { team: 'media' },
    pod: {
      labels: { 'sidecar.istio.io/inject': 'false' },
      annotations: { 'example.com/a': 'b' },
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
      tolerations: [{ key: 'media', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'high',
      extraEnv: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=400' }],
    },
    transcriber: {
      pod: {
        runtimeClassName: 'nvidia',
        extraVolumes: [{ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } }],
        extraVolumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
      },
    },
    main: { service: { type: 'LoadBalancer', annotations: { 'example.com/lb': 'internal' } } },
    persistence: { media: { storageClassName: '-', volumeName: 'nfs', selector: { matchLabels: { a: 'b' } } } },
    listenAddress: '::',
  },
  'objects of somebody else': {
    extraObjects: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'more' }, data: { of: '{{ .Release.Name }}' } },
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: text\n',
    ],
  },
};

export const CASES = [...Object.keys(MORE), ...EXAMPLES];

export function valuesOf(name: string): object {
  return MORE[name] ?? (parse(readFileSync(join(DIRECTORY, `${name}.yaml`), 'utf8')) as object);
}

const known = new Map<string, KubeObject[]>();

/** What Helm makes of an example, or of a case of {@link MORE}; each once. */
export function rendering(name: string, options: Omit<RenderOptions, 'values'> = {}): KubeObject[] {
  const key = JSON.stringify([name, options]);
  const found = known.get(key) ?? renderChart({ ...options, values: valuesOf(name) });
  known.set(key, found);
  return found;
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly { name: string; value?: string; valueFrom?: object }[];
  readonly resources?: {
    requests?: Record<string, string | number>;
    limits?: Record<string, string | number>;
  };
  readonly securityContext?: Record<string, unknown>;
  readonly volumeMounts?: readonly { name: string; mountPath: string; readOnly?: boolean }[];
  readonly startupProbe?: object;
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
  readonly lifecycle?: { preStop?: object };
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: Record<string, unknown>;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { name: string; emptyDir?: { sizeLimit?: string }; hostPath?: object }[];
  readonly [field: string]: unknown;
}

export interface PodOf {
  readonly of: KubeObject;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

/** Every pod that these objects make. */
export function podsOf(objects: readonly KubeObject[]): PodOf[] {
  return objects.flatMap((of) => {
    if (of.kind === 'Pod') return [{ of, labels: of.metadata.labels ?? {}, spec: of.spec as PodSpec }];
    const template = (of.spec as { template?: { metadata?: KubeObject['metadata']; spec: PodSpec } } | undefined)
      ?.template;
    if (template?.spec?.containers === undefined) return [];
    return [{ of, labels: template.metadata?.labels ?? {}, spec: template.spec }];
  });
}

export function containersOf({ spec }: PodOf): readonly Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** `Deployment mediajob-main`. */
export function titleOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}
