import {
  CLUSTER_GRANTS,
  EDIT_GRANTS,
  type Grant,
  KUEUE_GRANTS,
  MAIN_GRANTS,
  ownNamespaceGrants,
  type RbacNames,
  VIEW_GRANTS,
  watchedNamespaceGrants,
} from './rules.js';

/** `rbac.authorization.k8s.io/v1` PolicyRule. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export function policyRules(grants: readonly Grant[]): PolicyRule[] {
  return grants.map(({ group, resource, name, verbs }) => ({
    apiGroups: [group],
    resources: [resource],
    ...(name !== undefined && { resourceNames: [name] }),
    verbs,
  }));
}

export interface RbacObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface RbacOptions extends RbacNames {
  /** Of everything: the operator, main and the MediaJobs. */
  readonly namespace: string;
}

export const ACCOUNTS = { operator: 'mediajob-operator', main: 'mediajob-main', job: 'mediajob-job' } as const;

const RBAC = 'rbac.authorization.k8s.io';
const labels = { 'app.kubernetes.io/part-of': 'mediajob' };

/** ServiceAccounts, roles and bindings where everything is in one namespace. */
export function rbacObjects({ namespace, ...names }: RbacOptions): readonly RbacObject[] {
  const operator = { account: ACCOUNTS.operator, namespace };
  return [
    account(ACCOUNTS.operator, namespace),
    account(ACCOUNTS.main, namespace),
    // Nothing is bound to it, and its pods get no token but the one that they report progress with.
    { ...account(ACCOUNTS.job, namespace), automountServiceAccountToken: false },
    ...roleFor(operator, ACCOUNTS.operator, watchedNamespaceGrants(names)),
    ...roleFor(operator, `${ACCOUNTS.operator}-own`, ownNamespaceGrants(names)),
    ...roleFor(operator, `${ACCOUNTS.operator}-kueue`, KUEUE_GRANTS),
    ...clusterRoleFor(operator, ACCOUNTS.operator, CLUSTER_GRANTS),
    ...roleFor({ account: ACCOUNTS.main, namespace }, ACCOUNTS.main, MAIN_GRANTS),
    aggregated('mediajob-view', 'view', VIEW_GRANTS),
    aggregated('mediajob-edit', 'edit', EDIT_GRANTS),
  ];
}

interface Whom {
  readonly account: string;
  readonly namespace: string;
}

function account(name: string, namespace: string): RbacObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace, labels } };
}

function roleFor(whom: Whom, name: string, grants: readonly Grant[]): RbacObject[] {
  const metadata = { name, namespace: whom.namespace, labels };
  return [
    { apiVersion: `${RBAC}/v1`, kind: 'Role', metadata, rules: policyRules(grants) },
    { apiVersion: `${RBAC}/v1`, kind: 'RoleBinding', metadata, ...binding('Role', name, whom) },
  ];
}

function clusterRoleFor(whom: Whom, name: string, grants: readonly Grant[]): RbacObject[] {
  const metadata = { name, labels };
  return [
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRole', metadata, rules: policyRules(grants) },
    { apiVersion: `${RBAC}/v1`, kind: 'ClusterRoleBinding', metadata, ...binding('ClusterRole', name, whom) },
  ];
}

function binding(kind: string, name: string, { account: subject, namespace }: Whom) {
  return {
    roleRef: { apiGroup: RBAC, kind, name },
    subjects: [{ kind: 'ServiceAccount', name: subject, namespace }],
  };
}

/** Kubernetes adds it to its own role of that name; `edit` has all of `view`, and `admin` all of `edit`. */
function aggregated(name: string, to: 'view' | 'edit', grants: readonly Grant[]): RbacObject {
  const aggregate = { [`${RBAC}/aggregate-to-${to}`]: 'true' };
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name, labels: { ...labels, ...aggregate } },
    rules: policyRules(grants),
  };
}
