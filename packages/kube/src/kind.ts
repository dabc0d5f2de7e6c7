import type { KubeObject } from './object.js';

/**
 * All that a client needs to know of a kind, built-in or custom. `T` is only for the compiler.
 *
 *     const ConfigMaps = kind<ConfigMap>({ version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true });
 */
export interface Kind<T extends KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** `group/version`, or `version` alone in the core group. */
  readonly apiVersion: string;
  /**
   * False: the API server sends no bookmarks for it, since it keeps it out of its watch cache (Events, by default): a
   * watch of it may be silent for as long as nothing happens.
   */
  readonly bookmarks?: boolean;
  readonly type?: T;
}

export interface KindDescription {
  readonly group?: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** True when left out. */
  readonly bookmarks?: boolean;
}

export function kind<T extends KubeObject>(description: KindDescription): Kind<T> {
  const { group = '', version } = description;
  return { ...description, group, apiVersion: group === '' ? version : `${group}/${version}` };
}
