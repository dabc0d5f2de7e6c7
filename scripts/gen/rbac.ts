import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Grant, RbacNames } from '../../packages/contract/src/rbac/index.ts';
import { ROOT } from '../setup/paths.ts';
import { contract } from './contract.ts';

const GENERATED = 'Generated from packages/contract by "npm run gen".';
const NAMESPACE = 'mediajob';

type Rbac = typeof import('../../packages/contract/src/rbac/index.ts');

/** Roles for kubectl, their rules for Helm, and a table of them for people. */
export async function rbacDocuments(): Promise<Record<string, string>> {
  const rbac: Rbac = await import(join(ROOT, 'packages/contract/dist/rbac/index.js'));
  const names = await defaultNames();
  const objects = rbac.rbacObjects({ namespace: NAMESPACE, ...names });
  const security = 'docs/SECURITY.md';
  return {
    'k8s/rbac.yaml': `# ${GENERATED}\n${objects.map((it) => stringify(it, { lineWidth: 120 })).join('---\n')}`,
    'charts/mediajob/templates/_rbac-rules.tpl': templates(rbac),
    [security]: withTable(readFileSync(join(ROOT, security), 'utf8'), table(rbac, names)),
  };
}

async function defaultNames(): Promise<RbacNames> {
  const { OperatorEnv } = await contract();
  const env = OperatorEnv.parse({ MEDIAJOB_CONVERTER_IMAGE: 'x', MEDIAJOB_TRANSCRIBER_IMAGE: 'x' });
  return {
    lease: env.MEDIAJOB_LEASE,
    progressSecret: env.MEDIAJOB_PROGRESS_SECRET,
    mediaClaim: env.MEDIAJOB_MEDIA_CLAIM,
  };
}

/** Named templates; the names of objects are in the dict that they are included with. */
function templates(rbac: Rbac): string {
  const { watchedNamespaceGrants, ownNamespaceGrants } = rbac;
  const from = { lease: '{{ .lease }}', progressSecret: '{{ .progressSecret }}', mediaClaim: '{{ .mediaClaim }}' };
  const all: [name: string, needs: string, grants: readonly Grant[]][] = [
    ['operator.watched', 'mediaClaim', watchedNamespaceGrants(from)],
    ['operator.kueue', '', rbac.KUEUE_GRANTS],
    ['operator.own', 'lease, progressSecret', ownNamespaceGrants(from)],
    ['operator.cluster', '', rbac.CLUSTER_GRANTS],
    ['operator.namespaceDeletion', '', rbac.NAMESPACE_DELETION_GRANTS],
    ['release', '', rbac.RELEASE_GRANTS],
    ['main', '', rbac.MAIN_GRANTS],
    ['view', '', rbac.VIEW_GRANTS],
    ['edit', '', rbac.EDIT_GRANTS],
  ];
  const texts = all.map(([name, needs, grants]) => {
    const comment = needs === '' ? '' : `{{- /* A dict with ${needs}. */ -}}\n`;
    return `${comment}{{- define "mediajob.rbac.${name}" -}}\n${stringify(rbac.policyRules(grants))}{{- end }}\n`;
  });
  return `{{- /* ${GENERATED} */ -}}\n${texts.join('\n')}`;
}

function table(rbac: Rbac, names: RbacNames): string {
  const all: [who: string, grants: readonly Grant[]][] = [
    ['operator, in each namespace that it watches', rbac.watchedNamespaceGrants(names)],
    ['operator, there, with Kueue', rbac.KUEUE_GRANTS],
    ['operator, in its own namespace', rbac.ownNamespaceGrants(names)],
    ['operator, in the cluster', rbac.CLUSTER_GRANTS],
    [
      'operator, there, when it runs MediaJobs of other namespaces (`operator.releaseOnNamespaceDeletion`)',
      rbac.NAMESPACE_DELETION_GRANTS,
    ],
    [
      'its uninstallation, in each namespace that it watched, or in the cluster where it had such rights there',
      rbac.RELEASE_GRANTS,
    ],
    ['main, in its namespace', rbac.MAIN_GRANTS],
    ['people with `view`', rbac.VIEW_GRANTS],
    ['people with `edit` or `admin`', rbac.EDIT_GRANTS],
  ];
  const rows = all.flatMap(([who, grants]) =>
    grants.map(({ group, resource, name, verbs, why }, index) => {
      const what = `${[group, resource].filter(Boolean).join('/')}${name === undefined ? '' : ` \`${name}\``}`;
      return `| ${index === 0 ? who : ''} | ${what} | ${verbs.join(', ')} | ${why} |`;
    }),
  );
  return ['| who | what | may | what for |', '|---|---|---|---|', ...rows, '| pods of Jobs | nothing | | |', ''].join(
    '\n',
  );
}

const BEGIN = '<!-- rbac: written by "npm run gen" -->\n';
const END = '<!-- /rbac -->\n';

/** @throws Error when the text has no place for the table */
export function withTable(text: string, rows: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`docs/SECURITY.md has no place between ${BEGIN.trim()} and ${END.trim()}`);
  return `${text.slice(0, begin + BEGIN.length)}${rows}${text.slice(end)}`;
}
