import type { KubeLogger } from './environment.js';
import type { Kind } from './kind.js';
import { controllerOf, type KubeObject, keyOf, refKey } from './object.js';
import type { Predicate } from './predicates.js';
import type { Priority } from './queue.js';
import type { Change, Source } from './source.js';

/** Which keys to reconcile when this object changed. */
export type Mapper<T extends KubeObject> = (object: T) => readonly string[];

/** A source of a controller, with what it means to it; made by {@link watches}. */
export interface Watch {
  /** @returns ends it */
  start(enqueue: (key: string, priority: Priority) => void, log: KubeLogger): () => void;
  readonly synced: Promise<void>;
}

/**
 *     watches(pods, mapByLabel('example.com/owner'), labelsChanged())
 *
 * An update asks for the keys of the object as it is and as it was, so that an owner who lost it hears of it too.
 * What has only been found again (a first list, a resync) waits behind what has just happened.
 */
export function watches<T extends KubeObject>(source: Source<T>, map: Mapper<T>, when?: Predicate<T>): Watch {
  return {
    synced: source.synced,
    start(enqueue, log) {
      return source.subscribe((change) => {
        try {
          if (when !== undefined && !when(change)) return;
          const keys = new Set([...map(change.object), ...(change.previous === undefined ? [] : map(change.previous))]);
          for (const key of keys) enqueue(key, priorityOf(change));
        } catch (error) {
          log.error({ err: error, object: keyOf(change.object) }, 'a mapping or a predicate threw; the change is lost');
        }
      });
    },
  };
}

/** The object itself. */
export const self: Mapper<KubeObject> = (object) => [keyOf(object)];

/** Whoever controls the object, when it is of this kind, in any version: the ownerReference with `controller: true`. */
export function owns(owner: Kind<KubeObject>): Mapper<KubeObject> {
  return (object) => {
    const reference = controllerOf(object);
    if (reference === undefined || reference.kind !== owner.kind) return [];
    if (groupOf(reference.apiVersion) !== owner.group) return [];
    return [refKey(owner.namespaced ? { ...namespaceOf(object), name: reference.name } : { name: reference.name })];
  };
}

/** The object that a label names, in the same namespace. */
export function mapByLabel(label: string): Mapper<KubeObject> {
  return (object) => {
    const name = object.metadata.labels?.[label];
    return name === undefined || name === '' ? [] : [refKey({ ...namespaceOf(object), name })];
  };
}

function namespaceOf({ metadata }: KubeObject): { namespace?: string } {
  return metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

function priorityOf({ initial, object, previous }: Change<KubeObject>): Priority {
  const same = previous?.metadata.resourceVersion === object.metadata.resourceVersion;
  return initial === true || same ? 'low' : 'normal';
}
