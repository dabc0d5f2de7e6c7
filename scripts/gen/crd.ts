import { join } from 'node:path';
import { stringify } from 'yaml';
import { ROOT } from '../setup/paths.ts';

const GENERATED = 'Generated from packages/contract by "npm run gen".';

/**
 * The CustomResourceDefinition, for kubectl and for Helm. In the chart it is a template, not in crds/: Helm never upgrades
 * what is there.
 */
export async function crdDocuments(): Promise<Record<string, string>> {
  const { mediaJobCrd }: typeof import('../../packages/contract/src/crd/index.ts') = await import(
    join(ROOT, 'packages/contract/dist/crd/index.js')
  );
  const yaml = stringify(mediaJobCrd(), { lineWidth: 120, aliasDuplicateObjects: false });
  return {
    'k8s/crd.yaml': `# ${GENERATED}\n${yaml}`,
    'charts/mediajob/templates/crd-mediajobs.yaml': helmTemplate(yaml),
  };
}

/** @throws Error when the text would mean something to Helm, or has no metadata to put an annotation into */
export function helmTemplate(yaml: string): string {
  if (yaml.includes('{{'))
    throw new Error('the CustomResourceDefinition has {{ in it, which Helm would take for its own');
  const metadata = '\nmetadata:\n';
  if (yaml.split(metadata).length !== 2) throw new Error('the CustomResourceDefinition has no metadata, or two');
  const kept = yaml.replace(
    metadata,
    `${metadata}  {{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n`,
  );
  return `{{- /* ${GENERATED} */ -}}\n{{- if .Values.crds.enabled }}\n${kept}{{- end }}\n`;
}
