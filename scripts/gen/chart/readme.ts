import { stringify } from 'yaml';
import type { ChartValue } from './values.ts';

/** charts/mediajob/README.md: what it installs, and every value. */
export function chartReadme(values: readonly ChartValue[], intro: string): string {
  const plain = values.filter((it) => it.children.length === 0);
  const groups = values.filter((it) => it.children.length > 0);
  const sections = groups.map((group) => {
    const about = group.description === '' ? '' : `${group.description}\n\n`;
    return `### ${group.path.join('.')}\n\n${about}${table(leaves(group.children))}`;
  });
  return `<!-- Generated from values.yaml by "npm run gen". -->\n${intro}\n## Values\n\n${table(plain)}\n${sections.join('\n')}`;
}

function leaves(values: readonly ChartValue[]): readonly ChartValue[] {
  return values.flatMap((it) => (it.children.length === 0 ? [it] : [it, ...leaves(it.children)]));
}

function table(values: readonly ChartValue[]): string {
  const rows = values
    .filter((it) => it.children.length === 0 || it.description !== '')
    .map(
      (it) =>
        `| \`${it.path.join('.')}\` | ${it.children.length > 0 ? '' : shown(it.default)} | ${cell(it.description)} |`,
    );
  return ['| value | default | |', '|---|---|---|', ...rows, ''].join('\n');
}

function shown(value: unknown): string {
  if (value === '') return '';
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
  return `\`${cell(text)}\``;
}

/** A pipe would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
