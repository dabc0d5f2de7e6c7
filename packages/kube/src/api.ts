import type { Kind } from './kind.js';
import type { Draft, KubeObject, ObjectRef } from './object.js';

/** For every call. Aborting the signal ends it: with a leader's signal, a lost Lease fences all writes. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Longest time for one try, in ms; the client's own when left out. */
  readonly timeoutMs?: number;
}

export interface Selection {
  /** Of namespaced kinds; left out: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends CallOptions, Selection {
  /** Objects a page. */
  readonly limit?: number;
  /** From the answer before. */
  readonly continue?: string;
  readonly resourceVersion?: string;
}

/** One page of a list. Items carry apiVersion and kind, which the server leaves out. */
export interface ObjectList<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface WatchOptions extends Selection {
  readonly signal: AbortSignal;
  readonly resourceVersion: string;
  /** After which the server ends the watch. */
  readonly timeoutSeconds?: number;
}

/** An ERROR line of the stream is thrown as KubeApiError (410 Expired among them), never yielded. */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export type Patch =
  | { readonly type: 'merge'; readonly body: object }
  | { readonly type: 'strategic'; readonly body: object }
  | { readonly type: 'json'; readonly body: readonly object[] };

export interface ApplyOptions extends CallOptions {
  /** One name a writer. */
  readonly fieldManager: string;
  /** Takes fields over from other managers: only for fields that are ours alone. */
  readonly force?: boolean;
  readonly subresource?: 'status';
}

export interface DeleteOptions extends CallOptions {
  /** Left out, batch/v1 orphans the pods of a Job; so it must be said. */
  readonly propagationPolicy: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly gracePeriodSeconds?: number;
}

/**
 * The API server as the rest of this package, and a simulation, sees it. Every method throws KubeApiError for an answer
 * that is not 2xx or that never came.
 */
export interface KubeApi {
  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options?: CallOptions): Promise<T>;
  /** One page; `listAll` of list.ts follows the pages. */
  list<T extends KubeObject>(kind: Kind<T>, options?: ListOptions): Promise<ObjectList<T>>;
  watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options?: CallOptions): Promise<T>;
  /** PUT of the whole object: with its resourceVersion it fails with 409 when somebody else wrote in between. */
  replace<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    options?: CallOptions & { readonly subresource?: 'status' },
  ): Promise<T>;
  patch<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    patch: Patch,
    options?: CallOptions & { readonly subresource?: 'status'; readonly fieldManager?: string },
  ): Promise<T>;
  /** Server-side apply. */
  apply<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options: ApplyOptions): Promise<T>;
  delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions): Promise<void>;
  /** POST of a resource that is only asked, never stored: TokenReview, SubjectAccessReview; or of a subresource. */
  post<Answer>(path: string, body: object, options?: CallOptions): Promise<Answer>;
}
