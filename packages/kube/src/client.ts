import { invalidAnswer } from './answer.js';
import type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  KubeApi,
  ListOptions,
  ObjectList,
  Patch,
  Selection,
  WatchEvent,
  WatchOptions,
} from './api.js';
import type { Kind } from './kind.js';
import { Leases } from './kinds.js';
import type { Draft, KubeObject, ObjectRef } from './object.js';
import { collectionPath, objectPath } from './resource-path.js';
import { type Call, requestOf, Transport, type TransportOptions } from './transport.js';
import { watchEvents } from './watch.js';

const PATCH_TYPES: Readonly<Record<Patch['type'], string>> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
};

/**
 * The API server over HTTP. Answers are plain JSON as it comes: no dates, no classes, no field dropped.
 *
 * What is sent again by itself: GET and LIST after all that may pass; PUT with a resourceVersion, server-side apply, and
 * DELETE with a precondition too, since they find out when they were done already; the others only after a 429, when
 * the server did nothing.
 */
export class HttpKubeApi implements KubeApi {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  async get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options?: CallOptions): Promise<T> {
    return this.#object<T>({
      verb: 'GET',
      method: 'GET',
      path: objectPath(kind, ref),
      retry: 'idempotent',
      ...given(options, kind),
    });
  }

  async list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}): Promise<ObjectList<T>> {
    const { limit, continue: from, resourceVersion } = options;
    const call: Call = {
      verb: 'LIST',
      method: 'GET',
      path: collectionPath(kind, options.namespace),
      query: { ...selectors(options), limit, continue: from, resourceVersion },
      retry: 'idempotent',
      ...given(options, kind),
    };
    return listOf(kind, requestOf(call), await this.#transport.json(call));
  }

  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    const { resourceVersion, timeoutSeconds, signal } = options;
    const call: Call = {
      verb: 'WATCH',
      method: 'GET',
      path: collectionPath(kind, options.namespace),
      query: { ...selectors(options), watch: true, allowWatchBookmarks: true, resourceVersion, timeoutSeconds },
      retry: 'never',
      signal,
    };
    yield* watchEvents<T>(requestOf(call), this.#transport.stream(call));
  }

  async create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options?: CallOptions): Promise<T> {
    return this.#object<T>({
      verb: 'POST',
      method: 'POST',
      path: collectionPath(kind, object.metadata.namespace),
      body: object,
      retry: 'unprocessed',
      ...given(options, kind),
    });
  }

  async replace<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    options?: CallOptions & { readonly subresource?: 'status' },
  ): Promise<T> {
    return this.#object<T>({
      verb: 'PUT',
      method: 'PUT',
      path: objectPath(kind, object.metadata, options?.subresource),
      body: object,
      // Without a resourceVersion a second PUT would undo what somebody else wrote after the first.
      retry: object.metadata.resourceVersion ? 'idempotent' : 'unprocessed',
      ...given(options, kind),
    });
  }

  async patch<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    patch: Patch,
    options?: CallOptions & { readonly subresource?: 'status'; readonly fieldManager?: string },
  ): Promise<T> {
    return this.#object<T>({
      verb: 'PATCH',
      method: 'PATCH',
      path: objectPath(kind, ref, options?.subresource),
      query: { fieldManager: options?.fieldManager },
      body: patch.body,
      contentType: PATCH_TYPES[patch.type],
      retry: 'unprocessed',
      ...given(options, kind),
    });
  }

  async apply<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options: ApplyOptions): Promise<T> {
    return this.#object<T>({
      verb: 'APPLY',
      method: 'PATCH',
      path: objectPath(kind, object.metadata, options.subresource),
      query: { fieldManager: options.fieldManager, force: options.force },
      body: object,
      // JSON is YAML, and servers before 1.33 know no other name for it.
      contentType: 'application/apply-patch+yaml',
      retry: 'idempotent',
      ...given(options, kind),
    });
  }

  async delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions): Promise<void> {
    const { propagationPolicy, preconditions, gracePeriodSeconds } = options;
    const certain = preconditions?.uid !== undefined || preconditions?.resourceVersion !== undefined;
    await this.#transport.json({
      verb: 'DELETE',
      method: 'DELETE',
      path: objectPath(kind, ref),
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions, gracePeriodSeconds },
      // Without a precondition a second DELETE might hit a new object of the same name.
      retry: certain ? 'idempotent' : 'unprocessed',
      goneIsDone: true,
      ...given(options, kind),
    });
  }

  async post<Answer>(path: string, body: object, options?: CallOptions): Promise<Answer> {
    const call: Call = { verb: 'POST', method: 'POST', path, body, retry: 'unprocessed', ...given(options) };
    return (await this.#answer(call)) as Answer;
  }

  /** Cuts all connections: to be called when everything that uses this has ended. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #object<T extends KubeObject>(call: Call): Promise<T> {
    return (await this.#answer(call)) as T;
  }

  async #answer(call: Call): Promise<object> {
    const answer = await this.#transport.json(call);
    if (typeof answer === 'object' && answer !== null) return answer;
    throw invalidAnswer(requestOf(call), 'is no object', 200);
  }
}

function listOf<T extends KubeObject>(kind: Kind<T>, request: string, answer: unknown): ObjectList<T> {
  const list = answer as {
    readonly metadata?: { resourceVersion?: unknown; continue?: string; remainingItemCount?: number };
    readonly items?: unknown;
  } | null;
  const resourceVersion = list?.metadata?.resourceVersion;
  // Go writes an empty one as null. Without the word it is no list: an informer would take everything for gone.
  const items = list?.items === null ? [] : list?.items;
  if (typeof resourceVersion !== 'string' || !Array.isArray(items)) throw invalidAnswer(request, 'is no list', 200);
  const { continue: next, remainingItemCount } = list?.metadata ?? {};
  return {
    items: items.map((item: object) => ({ apiVersion: kind.apiVersion, kind: kind.kind, ...item }) as unknown as T),
    resourceVersion,
    ...(next === undefined || next === '' ? {} : { continue: next }),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
}

function selectors({ labelSelector, fieldSelector }: Selection): Call['query'] {
  return { labelSelector, fieldSelector };
}

/** A Lease is renewed in time or lost: like the server, which has a priority level for them, never queue it behind others. */
function given(
  { signal, timeoutMs }: CallOptions = {},
  kind?: Pick<Kind<KubeObject>, 'group'>,
): Pick<Call, 'signal' | 'timeoutMs' | 'urgent'> {
  return {
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(kind?.group === Leases.group ? { urgent: true } : {}),
  };
}
