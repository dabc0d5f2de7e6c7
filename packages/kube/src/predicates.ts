import type { KubeObject } from './object.js';
import type { Change } from './source.js';

/** Whether a change is worth looking at. Objects that came or went always are to the predicates of this file. */
export type Predicate<T extends KubeObject = KubeObject> = (change: Change<T>) => boolean;

/**
 * The spec changed, or deletion began: the server then counts `metadata.generation` up, and leaves it for changes of
 * status, labels and annotations.
 */
export const generationChanged: Predicate = differs((it) => it.metadata.generation);

export const resourceVersionChanged: Predicate = differs((it) => it.metadata.resourceVersion);

/** One of the labels changed; of these keys, when some are given. */
export function labelsChanged(...keys: readonly string[]): Predicate {
  return differs((it) => picked(it.metadata.labels, keys));
}

/** One of the annotations changed; of these keys, when some are given. */
export function annotationsChanged(...keys: readonly string[]): Predicate {
  return differs((it) => picked(it.metadata.annotations, keys));
}

export function anyOf<T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> {
  return (change) => predicates.some((it) => it(change));
}

export function allOf<T extends KubeObject>(...predicates: readonly Predicate<T>[]): Predicate<T> {
  return (change) => predicates.every((it) => it(change));
}

function differs(part: (object: KubeObject) => unknown): Predicate {
  return ({ object, previous }) => previous === undefined || part(object) !== part(previous);
}

/** Entries in one comparable string. */
function picked(entries: Readonly<Record<string, string>> | undefined, keys: readonly string[]): string {
  const all = entries ?? {};
  const wanted = keys.length === 0 ? Object.keys(all) : keys.filter((key) => key in all);
  return JSON.stringify([...wanted].sort().map((key) => [key, all[key]]));
}
