import type { KubeObject, OwnerReference } from '../../src/object.js';
import type { MemoryServer } from './server.js';

/**
 * One round of the garbage collector, which Kubernetes runs beside the server: deletes objects whose owners are all
 * gone, ends deletions in the foreground when nothing that blocks is left, and cuts orphans off.
 *
 * @returns whether anything changed; another round may then find more
 */
export function collectGarbage(server: MemoryServer): boolean {
  const before = server.version;
  const all = () =>
    server.tables.flatMap((table) => [...table.objects.values()].map(({ object }) => ({ kind: table.kind, object })));
  const owners = new Map(all().map(({ object }) => [object.metadata.uid, object]));
  const dependents = (owner: KubeObject) =>
    all().filter(({ object }) => object.metadata.ownerReferences?.some((it) => it.uid === owner.metadata.uid));

  for (const { kind, object } of all()) {
    const references = object.metadata.ownerReferences ?? [];
    const solid = references.filter((it) => isSolid(owners.get(it.uid)));
    const waiting = references.filter((it) => isWaiting(owners.get(it.uid)));
    if (references.length === 0 || solid.length > 0 || object.metadata.deletionTimestamp !== undefined) continue;
    const propagationPolicy = waiting.length > 0 && dependents(object).length > 0 ? 'Foreground' : 'Background';
    server.delete(kind, object.metadata, { propagationPolicy, preconditions: { uid: object.metadata.uid } });
  }
  for (const { kind, object } of all()) {
    const { finalizers = [], deletionTimestamp, uid } = object.metadata;
    if (deletionTimestamp === undefined) continue;
    if (finalizers.includes('orphan')) {
      for (const dependent of dependents(object)) {
        server.update(dependent.kind, dependent.object.metadata, (it) =>
          withOwners(it, (references) => references.filter((reference) => reference.uid !== uid)),
        );
      }
      server.update(kind, object.metadata, (it) => withoutFinalizer(it, 'orphan'));
    } else if (finalizers.includes('foregroundDeletion') && !dependents(object).some(blocks(uid))) {
      server.update(kind, object.metadata, (it) => withoutFinalizer(it, 'foregroundDeletion'));
    }
  }
  return server.version !== before;
}

function isSolid(owner: KubeObject | undefined): boolean {
  return owner !== undefined && !isWaiting(owner);
}

/** Waits until its dependents are gone. */
function isWaiting(owner: KubeObject | undefined): boolean {
  const { deletionTimestamp, finalizers = [] } = owner?.metadata ?? {};
  return deletionTimestamp !== undefined && finalizers.includes('foregroundDeletion');
}

function blocks(uid: string): (dependent: { readonly object: KubeObject }) => boolean {
  return ({ object }) =>
    object.metadata.ownerReferences?.some((it) => it.uid === uid && it.blockOwnerDeletion === true) === true;
}

function withOwners(
  object: KubeObject,
  change: (references: readonly OwnerReference[]) => readonly OwnerReference[],
): KubeObject {
  return {
    ...object,
    metadata: { ...object.metadata, ownerReferences: change(object.metadata.ownerReferences ?? []) },
  };
}

function withoutFinalizer(object: KubeObject, finalizer: string): KubeObject {
  const finalizers = object.metadata.finalizers?.filter((it) => it !== finalizer) ?? [];
  return { ...object, metadata: { ...object.metadata, finalizers } };
}
