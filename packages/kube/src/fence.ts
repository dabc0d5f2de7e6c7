import { onAbort } from './abort.js';
import type { CallOptions, KubeApi } from './api.js';
import { KubeApiError } from './error.js';
import type { Leadership } from './leadership.js';

/**
 * The same API for a leader: every write first asks whether leadership still holds, and is aborted when it ends. Reads
 * pass through.
 */
export function fenced(api: KubeApi, leadership: Leadership): KubeApi {
  async function write<Options extends CallOptions, Result>(
    options: Options,
    call: (options: Options) => Promise<Result>,
  ): Promise<Result> {
    if (!leadership.holds()) {
      throw new KubeApiError('Leadership has ended, so nothing is written any more.', {
        status: 0,
        reason: 'Aborted',
        cause: leadership.signal.reason,
      });
    }
    const abort = new AbortController();
    const ends = [leadership.signal, options.signal].map((it) => onAbort(it, () => abort.abort(it?.reason)));
    try {
      return await call({ ...options, signal: abort.signal });
    } finally {
      for (const end of ends) end();
    }
  }
  return {
    get: (kind, ref, options) => api.get(kind, ref, options),
    list: (kind, options) => api.list(kind, options),
    watch: (kind, options) => api.watch(kind, options),
    create: (kind, object, options = {}) => write(options, (it) => api.create(kind, object, it)),
    replace: (kind, object, options = {}) => write(options, (it) => api.replace(kind, object, it)),
    patch: (kind, ref, patch, options = {}) => write(options, (it) => api.patch(kind, ref, patch, it)),
    apply: (kind, object, options) => write(options, (it) => api.apply(kind, object, it)),
    delete: (kind, ref, options) => write(options, (it) => api.delete(kind, ref, it)),
    post: (path, body, options = {}) => write(options, (it) => api.post(path, body, it)),
  };
}
