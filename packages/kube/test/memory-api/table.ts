import type { ListKeys } from '../../src/equal.js';
import type { Kind } from '../../src/kind.js';
import type { KubeObject } from '../../src/object.js';
import type { FieldOwners } from './fields.js';

/** What the server knows of a kind. */
export interface KindOptions {
  /** It has a status of its own: written by the subresource alone, and by it nothing else. */
  readonly status?: boolean;
  /** `metadata.generation` counts changes beside metadata and status; as `status` when left out. */
  readonly generation?: boolean;
  /** Lists that are maps (`{'status.conditions': ['type']}`) or, with no keys, sets. */
  readonly listKeys?: ListKeys;
  /** Fields that selectors may name, beside metadata.name and metadata.namespace. */
  readonly selectable?: readonly string[];
  /** Fills in defaults. */
  readonly defaults?: (object: KubeObject) => KubeObject;
  /** What is wrong with an object, also against the one it replaces. */
  readonly validate?: (object: KubeObject, before: KubeObject | undefined) => string | undefined;
  /** Seconds that a deletion waits for somebody (a kubelet) to delete it again with 0; at once when left out or 0. */
  readonly gracePeriodSeconds?: (object: KubeObject) => number;
}

export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: KubeObject;
  readonly before: KubeObject | undefined;
}

export interface Stored {
  readonly object: KubeObject;
  readonly owners: FieldOwners;
}

/** Objects of one kind, and what happened to them since the last compaction. */
export interface Table {
  readonly kind: Kind<KubeObject>;
  readonly options: KindOptions;
  readonly listKeys: ListKeys;
  readonly objects: Map<string, Stored>;
  events: StoredEvent[];
  readonly listeners: Set<(event: StoredEvent) => void>;
}

export function tableOf(kind: Kind<KubeObject>, options: KindOptions): Table {
  return {
    kind,
    options,
    listKeys: { 'metadata.finalizers': [], 'metadata.ownerReferences': ['uid'], ...options.listKeys },
    objects: new Map(),
    events: [],
    listeners: new Set(),
  };
}
