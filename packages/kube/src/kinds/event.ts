import { type Kind, kind } from '../kind.js';
import type { KubeObject } from '../object.js';

export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}

/** `events.k8s.io/v1`: what is written. Of `eventTime` and `series` the server reads six digits of a second, no less. */
export interface KubeEvent extends KubeObject {
  readonly eventTime: string | null;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
  readonly reportingController?: string;
  readonly reportingInstance?: string;
  /** At most 128 characters. */
  readonly action?: string;
  readonly reason?: string;
  readonly regarding?: ObjectReference;
  readonly related?: ObjectReference;
  /** At most 1 kB. */
  readonly note?: string;
  readonly type?: 'Normal' | 'Warning';
  readonly deprecatedSource?: { readonly component?: string; readonly host?: string };
  readonly deprecatedCount?: number;
  readonly deprecatedFirstTimestamp?: string | null;
  readonly deprecatedLastTimestamp?: string | null;
}

export const Events: Kind<KubeEvent> = kind({
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  bookmarks: false,
});

/** The same objects as core/v1 shows them: its field selectors know `involvedObject` and `reason`. */
export interface CoreEvent extends KubeObject {
  readonly involvedObject: ObjectReference;
  readonly related?: ObjectReference;
  readonly reason?: string;
  readonly message?: string;
  readonly type?: string;
  readonly action?: string;
  readonly count?: number;
  readonly eventTime?: string | null;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string };
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly reportingComponent?: string;
  readonly reportingInstance?: string;
}

export const CoreEvents: Kind<CoreEvent> = kind({
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
  bookmarks: false,
});
