import type { CallOptions, KubeApi, Selection } from './api.js';
import { isExpired } from './error.js';
import type { Kind } from './kind.js';
import type { KubeObject } from './object.js';

export interface ListAllOptions extends CallOptions, Selection {
  /** Objects a page; 500 when left out. */
  readonly pageSize?: number;
}

export interface WholeList<T extends KubeObject> {
  readonly items: readonly T[];
  /** As of which all of them are; a watch goes on from here. */
  readonly resourceVersion: string;
}

const PAGE_SIZE = 500;

/**
 * All objects as they are at one moment, page by page. When the server has forgotten that moment in the middle (410),
 * they are asked for once more, then in one piece, which cannot expire.
 *
 * @throws KubeApiError
 */
export async function listAll<T extends KubeObject>(
  api: Pick<KubeApi, 'list'>,
  kind: Kind<T>,
  { pageSize = PAGE_SIZE, ...options }: ListAllOptions = {},
): Promise<WholeList<T>> {
  const first = await api.list(kind, { ...options, limit: pageSize });
  const items = [...first.items];
  for (let next = first.continue; next !== undefined; ) {
    try {
      const page = await api.list(kind, { ...options, limit: pageSize, continue: next });
      for (const item of page.items) items.push(item);
      next = page.continue;
    } catch (error) {
      if (!isExpired(error)) throw error;
      const { items: whole, resourceVersion } = await api.list(kind, options);
      return { items: whole, resourceVersion };
    }
  }
  return { items, resourceVersion: first.resourceVersion };
}
