import type { AuditEvent } from './audit.ts';
import type { KubeClient, Resource } from './kube-client.ts';
import { until } from './until.ts';

/** One verb that a role grants somebody. */
export interface GrantedVerb {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Left out: any. */
  readonly name?: string;
  /** Left out: all of them. */
  readonly namespace?: string;
}

interface Role extends Resource {
  rules: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[];
}

interface Binding extends Resource {
  roleRef: { kind: 'Role' | 'ClusterRole'; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** What roles that are bound to a ServiceAccount by its name let it do, as the API server has them now. */
export async function grantedTo(
  client: KubeClient,
  account: { namespace: string; name: string },
): Promise<GrantedVerb[]> {
  const bindings = [
    ...(await client.list<Binding>(`${RBAC}/rolebindings`)),
    ...(await client.list<Binding>(`${RBAC}/clusterrolebindings`)),
  ].filter(({ subjects = [] }) =>
    subjects.some(
      (it) => it.kind === 'ServiceAccount' && it.name === account.name && it.namespace === account.namespace,
    ),
  );
  const granted: GrantedVerb[] = [];
  for (const { metadata, roleRef } of bindings) {
    const { namespace } = metadata;
    const place = roleRef.kind === 'Role' ? `namespaces/${namespace}/roles` : 'clusterroles';
    const role = await client.get<Role>(`${RBAC}/${place}/${roleRef.name}`);
    for (const { apiGroups, resources, resourceNames = [undefined], verbs } of role.rules) {
      for (const group of apiGroups) {
        for (const resource of resources) {
          for (const name of resourceNames) {
            for (const verb of verbs) {
              granted.push({ verb, group, resource, ...(name && { name }), ...(namespace && { namespace }) });
            }
          }
        }
      }
    }
  }
  return granted;
}

/** Waits until the API server goes by all that it was told of an account; it learns of its own roles by a watch. */
export async function untilAllGranted(client: KubeClient, account: { namespace: string; name: string }): Promise<void> {
  const user = `system:serviceaccount:${account.namespace}:${account.name}`;
  for (const granted of await grantedTo(client, account)) {
    await until(`may ${words(granted)}`, () => isAllowed(client, user, granted));
  }
}

export async function isAllowed(client: KubeClient, user: string, what: GrantedVerb): Promise<boolean> {
  const [resource, subresource] = what.resource.split('/');
  const { status } = await client.create<{ status: { allowed: boolean } }>(
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    { spec: { user, resourceAttributes: { ...what, resource, ...(subresource && { subresource }) } } },
  );
  return status.allowed;
}

/** Whether a request was allowed by this, or could have been. */
export function uses({ verb, objectRef }: AuditEvent, granted: GrantedVerb): boolean {
  if (objectRef === undefined) return false;
  const { apiGroup = '', resource, subresource, namespace, name } = objectRef;
  return (
    verb === granted.verb &&
    apiGroup === granted.group &&
    [resource, subresource].filter(Boolean).join('/') === granted.resource &&
    (granted.name === undefined || name === granted.name) &&
    (granted.namespace === undefined || namespace === granted.namespace)
  );
}

/** `list mediajob.io/mediajobs in media`. */
export function words({ verb, group, resource, name, namespace }: GrantedVerb): string {
  const what = [group, resource, name].filter(Boolean).join('/');
  return `${verb} ${what} in ${namespace ?? 'the cluster'}`;
}
