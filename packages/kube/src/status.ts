import type { KubeApi } from './api.js';
import { type ListKeys, sameJson } from './equal.js';
import type { Kind } from './kind.js';
import type { Draft, KubeObject } from './object.js';

export interface WithStatus extends KubeObject {
  readonly status?: unknown;
}

export interface StatusWriterOptions<T extends WithStatus> {
  readonly api: KubeApi;
  readonly kind: Kind<T>;
  /** One name a writer: fields that it applied once and leaves out later are removed by the server. */
  readonly fieldManager: string;
  /**
   * The part of a status that belongs to this writer; all of it when left out. What belongs to others must not be in
   * it, or it would be compared with what this writer never says.
   */
  readonly own?: (status: NonNullable<T['status']>) => unknown;
  /** Lists of the status that are maps, such as `{'status.conditions': ['type']}`. */
  readonly listKeys?: ListKeys;
  /** Takes its fields over from other managers; true when left out, since they are this writer's alone. */
  readonly force?: boolean;
}

export interface StatusWrite<T> {
  /** As it was written; as it was observed, when nothing had to be. */
  readonly object: T;
  readonly written: boolean;
}

/** Applies one writer's part of the status of objects, and writes nothing when it is so already. */
export class StatusWriter<T extends WithStatus> {
  readonly #options: StatusWriterOptions<T>;

  constructor(options: StatusWriterOptions<T>) {
    this.#options = options;
  }

  /** Whether an object already has this status, as far as it is this writer's. */
  isWritten(observed: T, status: object): boolean {
    const { own = (it: unknown) => it, listKeys } = this.#options;
    const present = observed.status === undefined ? {} : own(observed.status as NonNullable<T['status']>);
    return sameJson(present, status, listKeys, 'status');
  }

  /**
   * Says which version of the object this was decided on, so that a status of an older one, or of another object that
   * had the name before, is never written. (A UID would not do: for the status of a custom resource the server ignores
   * it.) Give it the newest that is known: after a write of your own, the answer.
   *
   * @param status all fields of this writer
   * @throws KubeApiError: NotFound when the object is gone; Conflict when it has changed, then look again, or when a
   *   field belongs to another manager and `force` is false
   */
  async apply(observed: T, status: object, signal?: AbortSignal): Promise<StatusWrite<T>> {
    if (this.isWritten(observed, status)) return { object: observed, written: false };
    const { api, kind, fieldManager, force = true } = this.#options;
    const { name, namespace, resourceVersion } = observed.metadata;
    const draft = {
      apiVersion: kind.apiVersion,
      kind: kind.kind,
      metadata: { name, resourceVersion, ...(namespace === undefined ? {} : { namespace }) },
      status,
    };
    const object = await api.apply(kind, draft as unknown as Draft<T>, {
      fieldManager,
      force,
      subresource: 'status',
      ...(signal === undefined ? {} : { signal }),
    });
    return { object, written: true };
  }
}
