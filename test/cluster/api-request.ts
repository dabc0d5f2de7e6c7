/** What a request asks of the API server, in the words of its RBAC. */
export interface ApiRequest {
  /** get, list, watch, create, update, patch, delete, deletecollection; of other paths the method in lower case. */
  readonly verb: string;
  /** Empty in the core group, and for paths that are no resources. */
  readonly group: string;
  /** `pods`, `mediajobs/status`; left out for paths that are no resources: /version, /openapi/v3, /apis/batch/v1. */
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

const VERBS: Record<string, string> = { POST: 'create', PUT: 'update', PATCH: 'patch' };

/** @param target path with its query */
export function describeRequest(method: string, target: string): ApiRequest {
  const { pathname, searchParams } = new URL(target, 'https://api');
  const parts = pathname.split('/').filter(Boolean);
  const group = parts[0] === 'apis' ? parts[1] : parts[0] === 'api' ? '' : undefined;
  let rest = parts.slice(group === '' ? 2 : 3);
  if (group === undefined || rest.length === 0) return { verb: method.toLowerCase(), group: '' };

  let namespace: string | undefined;
  if (rest[0] === 'namespaces' && rest.length > 2 && !['status', 'finalize'].includes(rest[2] as string)) {
    namespace = rest[1];
    rest = rest.slice(2);
  }
  const [resource, name, subresource] = rest as [string, string?, string?];
  return {
    verb: verbOf(method, name, searchParams),
    group,
    resource: subresource ? `${resource}/${subresource}` : resource,
    ...(namespace ? { namespace } : {}),
    ...(name ? { name } : {}),
  };
}

function verbOf(method: string, name: string | undefined, query: URLSearchParams): string {
  if (method === 'GET' && ['true', '1'].includes(query.get('watch') ?? '')) return 'watch';
  if (method === 'GET') return name ? 'get' : 'list';
  if (method === 'DELETE') return name ? 'delete' : 'deletecollection';
  return VERBS[method] ?? method.toLowerCase();
}
