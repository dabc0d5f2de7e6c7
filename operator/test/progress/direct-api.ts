import type { KubeApi } from '@mediajob/kube';
import type { MemoryServer } from '../../../packages/kube/test/memory-api/index.js';

/** An API server in memory that answers at once; what a call throws is what it was answered. */
export function directApi(server: MemoryServer): Pick<KubeApi, 'get' | 'create' | 'replace' | 'post'> {
  return {
    get: async (kind, ref) => server.get(kind, ref),
    create: async (kind, object) => server.create(kind, object),
    replace: async (kind, object) => server.replace(kind, object),
    post: async <Answer>(path: string, body: object) => server.post(path, body) as Answer,
  };
}
