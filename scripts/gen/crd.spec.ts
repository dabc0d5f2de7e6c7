import { expect, it } from 'vitest';
import { helmTemplate } from './crd.ts';

it('the chart can leave the definition out, and keep it when it is uninstalled', () => {
  expect(helmTemplate('kind: CustomResourceDefinition\nmetadata:\n  name: a\nspec: {}\n')).toBe(
    [
      '{{- /* Generated from packages/contract by "npm run gen". */ -}}',
      '{{- if .Values.crds.enabled }}',
      'kind: CustomResourceDefinition',
      'metadata:',
      '  {{- if .Values.crds.keep }}',
      '  annotations:',
      '    helm.sh/resource-policy: keep',
      '  {{- end }}',
      '  name: a',
      'spec: {}',
      '{{- end }}',
      '',
    ].join('\n'),
  );
});

it.each([
  ['what Helm would take for its own', 'kind: A\nmetadata:\n  name: {{ a }}\n', /\{\{/],
  ['no metadata', 'kind: A\n', /no metadata/],
])('%s is refused', (_name, yaml, message) => {
  expect(() => helmTemplate(yaml)).toThrow(message);
});
