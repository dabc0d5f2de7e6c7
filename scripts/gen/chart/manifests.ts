import { stringify } from 'yaml';
import { type KubeObject, renderChart } from './render.ts';

const GENERATED = 'Generated from charts/mediajob by "npm run gen".';
const NAMESPACE = 'mediajob';

/**
 * k8s/: the chart with its own values, for kubectl. No hooks (tests, uninstallation), and nothing of Helm's own. The order
 * is that of Helm: what others need comes first.
 */
export function manifestDocuments(): Record<string, string> {
  const objects = renderChart({ values: { test: { enabled: false } } })
    .filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] === undefined)
    .map(withoutHelm);
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: NAMESPACE,
      labels: {
        'app.kubernetes.io/part-of': 'mediajob',
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
      },
    },
  };
  return {
    'k8s/namespace.yaml': document([namespace]),
    'k8s/mediajob.yaml': document([namespace, ...objects]),
  };
}

function document(objects: readonly object[]): string {
  const texts = objects.map((it) => stringify(it, { lineWidth: 120, aliasDuplicateObjects: false }));
  return `# ${GENERATED}\n${texts.join('---\n')}`;
}

const OF_HELM = ['app.kubernetes.io/managed-by', 'helm.sh/chart', 'helm.sh/resource-policy'];

function withoutHelm(object: KubeObject): KubeObject {
  const { labels, annotations, ...metadata } = object.metadata;
  const kept = { ...metadata, ...without('labels', labels), ...without('annotations', annotations) };
  const { template } = (object.spec ?? {}) as { template?: { metadata: KubeObject['metadata'] } };
  if (template === undefined) return { ...object, metadata: kept };
  const { labels: podLabels, ...podMetadata } = template.metadata;
  const spec = {
    ...(object.spec as object),
    template: { ...template, metadata: { ...podMetadata, ...without('labels', podLabels) } },
  };
  return { ...object, metadata: kept, spec };
}

function without(field: 'labels' | 'annotations', words: Readonly<Record<string, string>> | undefined): object {
  const left = Object.entries(words ?? {}).filter(
    ([name, value]) => !OF_HELM.includes(name) || value === 'mediajob-operator',
  );
  return left.length === 0 ? {} : { [field]: Object.fromEntries(left) };
}
