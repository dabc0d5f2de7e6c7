import { KubeApiError } from './error.js';
import type { Kind } from './kind.js';
import type { KubeObject, ObjectRef } from './object.js';

type AnyKind = Pick<Kind<KubeObject>, 'group' | 'apiVersion' | 'kind' | 'plural' | 'namespaced'>;

/** Of all objects of a kind, in one namespace or (left out) in all. */
export function collectionPath(kind: AnyKind, namespace?: string): string {
  const root = `${kind.group === '' ? '/api' : '/apis'}/${kind.apiVersion}`;
  if (!kind.namespaced || namespace === undefined) return `${root}/${kind.plural}`;
  return `${root}/namespaces/${segment(kind, namespace, 'namespace')}/${kind.plural}`;
}

/**
 * Of one object. A missing name is refused here: without one, a DELETE would be for all objects of the namespace.
 *
 * @throws KubeApiError BadRequest
 */
export function objectPath(kind: AnyKind, { namespace, name }: Partial<ObjectRef>, subresource?: string): string {
  if (kind.namespaced && (namespace === undefined || namespace === '')) {
    throw badRequest(kind, 'is in a namespace, and none is named');
  }
  const path = `${collectionPath(kind, namespace)}/${segment(kind, name, 'name')}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

function segment(kind: AnyKind, text: string | undefined, what: string): string {
  if (text === undefined || text === '' || text === '.' || text === '..') {
    throw badRequest(kind, `cannot have the ${what} “${text ?? ''}”`);
  }
  return encodeURIComponent(text);
}

function badRequest(kind: AnyKind, why: string): KubeApiError {
  return new KubeApiError(`an object of the kind ${kind.kind} ${why}`, { status: 400, reason: 'BadRequest' });
}
