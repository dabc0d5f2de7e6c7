import { sameJson } from '../../src/equal.js';
import type { KubeObject, ObjectMeta } from '../../src/object.js';
import type { Table } from './table.js';

/** What the server sets, and nobody changes afterwards. */
const SERVER_OWNED = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
] as const;

/** What managers may own of an object: all but its identity and what the server sets. */
export function ownable(object: object): object {
  const { apiVersion: _, kind: __, metadata, ...rest } = object as Partial<KubeObject>;
  const { name: _name, ...others } = { ...metadata, name: '' };
  for (const key of SERVER_OWNED) delete (others as Record<string, unknown>)[key];
  return Object.keys(others).length === 0 ? rest : { ...rest, metadata: others };
}

/** The same object with other contents, as `ownable` has them. */
export function withContents(object: KubeObject, contents: object): KubeObject {
  const { metadata, ...rest } = contents as { metadata?: object };
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...rest,
    metadata: { ...metadata, ...serverOwned(object.metadata) },
  };
}

export function serverOwned(metadata: ObjectMeta): ObjectMeta {
  return Object.fromEntries(
    SERVER_OWNED.filter((key) => metadata[key] !== undefined).map((key) => [key, metadata[key]]),
  ) as unknown as ObjectMeta;
}

/** Without what is empty, as the server keeps metadata. */
export function tidied(object: KubeObject): KubeObject {
  const { labels, annotations, finalizers, ownerReferences, ...rest } = object.metadata;
  const some = (of: object | undefined) => Object.keys(of ?? {}).length > 0;
  return {
    ...object,
    metadata: {
      ...rest,
      ...(some(labels) ? { labels } : {}),
      ...(some(annotations) ? { annotations } : {}),
      ...(some(finalizers) ? { finalizers } : {}),
      ...(some(ownerReferences) ? { ownerReferences } : {}),
    } as ObjectMeta,
  };
}

/** A write to the status changes nothing else, and any other write does not change the status. */
export function isolated(table: Table, before: KubeObject, after: object, subresource: 'status' | undefined): object {
  if (!table.options.status) return after;
  const { status, ...rest } = after as { status?: unknown };
  const { status: old, ...oldRest } = before as KubeObject & { status?: unknown };
  const [contents, kept] = subresource === 'status' ? [oldRest, status] : [rest, old];
  return kept === undefined ? contents : { ...contents, status: kept };
}

/** Whether `metadata.generation` counts this change. */
export function isNewGeneration(table: Table, before: KubeObject, after: KubeObject): boolean {
  return counts(table) && !sameJson(contentsOf(before), contentsOf(after));
}

export function counts(table: Table): boolean {
  return table.options.generation ?? table.options.status ?? false;
}

function contentsOf(object: KubeObject): object {
  const { metadata: _, status: __, ...contents } = object as KubeObject & { status?: unknown };
  return contents;
}
