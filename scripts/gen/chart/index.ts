import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../setup/paths.ts';
import { chartDocument } from './chart-yaml.ts';
import { dashboardDocument } from './dashboard.ts';
import { chartReadme } from './readme.ts';
import { CHART } from './render.ts';
import { valuesSchema } from './schema.ts';
import { settingsTemplate } from './settings.ts';
import { chartValues } from './values.ts';

/** What of the chart follows from its values.yaml and from the contract. */
export async function chartDocuments(): Promise<Record<string, string>> {
  const values = chartValues(readFileSync(join(CHART, 'values.yaml'), 'utf8'));
  const intro = readFileSync(join(import.meta.dirname, 'readme.md'), 'utf8');
  const example = readFileSync(join(ROOT, 'k8s/examples/minimal.yaml'), 'utf8');
  return {
    'charts/mediajob/Chart.yaml': chartDocument(example),
    'charts/mediajob/README.md': chartReadme(values, intro),
    'charts/mediajob/values.schema.json': await valuesSchema(values),
    'charts/mediajob/dashboards/mediajob.json': dashboardDocument(),
    'charts/mediajob/templates/_settings.tpl': await settingsTemplate(),
  };
}
