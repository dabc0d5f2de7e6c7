import { describe, expect, it } from 'vitest';
import {
  CLUSTER_GRANTS,
  EDIT_GRANTS,
  KUEUE_GRANTS,
  MAIN_GRANTS,
  NAMESPACE_DELETION_GRANTS,
  ownNamespaceGrants,
  RELEASE_GRANTS,
  rbacObjects,
  VIEW_GRANTS,
  watchedNamespaceGrants,
} from './index.js';

const names = { lease: 'the-lease', progressSecret: 'the-secret', mediaClaim: 'the-claim' };
const all = [
  ...watchedNamespaceGrants(names),
  ...KUEUE_GRANTS,
  ...ownNamespaceGrants(names),
  ...CLUSTER_GRANTS,
  ...NAMESPACE_DELETION_GRANTS,
  ...RELEASE_GRANTS,
  ...MAIN_GRANTS,
  ...VIEW_GRANTS,
  ...EDIT_GRANTS,
];

describe('what the components may do', () => {
  it('has no wildcard, and says what each right is for', () => {
    expect(JSON.stringify(all)).not.toContain('*');
    expect(all.every(({ why, verbs }) => why.length > 0 && verbs.length > 0)).toBe(true);
  });

  it('is nothing inside of pods, and no Secret but one', () => {
    expect(all.filter(({ resource }) => resource.startsWith('pods/'))).toEqual([]);
    const secrets = all.filter(({ resource, verbs }) => resource === 'secrets' && verbs.join() !== 'create');
    expect(secrets).toMatchObject([{ name: 'the-secret', verbs: ['get', 'update'] }]);
  });

  it('is for the operator in the whole cluster no more than to let go of MediaJobs, and to ask whose token it is', () => {
    const everywhere = [...CLUSTER_GRANTS, ...NAMESPACE_DELETION_GRANTS];
    expect(everywhere.map(({ resource, verbs }) => `${verbs.join()} ${resource}`)).toEqual([
      'create tokenreviews',
      'list,watch,patch mediajobs',
      'get namespaces',
    ]);
  });

  it('names objects only where Kubernetes looks at names', () => {
    const nameless = ['create', 'list', 'watch', 'deletecollection'];
    expect(all.filter(({ name, verbs }) => name !== undefined && verbs.some((it) => nameless.includes(it)))).toEqual(
      [],
    );
  });

  it('binds nothing to the account of Jobs', () => {
    const objects = rbacObjects({ namespace: 'here', ...names });
    const subjects = objects.flatMap(({ subjects = [] }) => subjects as { name: string }[]);
    expect(subjects.map(({ name }) => name)).not.toContain('mediajob-job');
    expect(objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name)).toContain(
      'mediajob-job',
    );
  });
});
