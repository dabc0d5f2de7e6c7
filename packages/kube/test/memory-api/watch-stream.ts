import type { WatchEvent } from '../../src/api.js';
import type { KubeApiError } from '../../src/error.js';
import type { KubeObject } from '../../src/object.js';
import type { Scheduler } from './simulation.js';
import type { StoredEvent } from './table.js';

/**
 * One open watch, from the server to a client. Its events arrive in their order, each by a step of the scheduler, so
 * that a stream may lag behind others for as long as a simulation likes.
 */
export class WatchStream {
  readonly #scheduler: Scheduler;
  readonly #owner: string;
  readonly #label: string;
  readonly #onWay: WatchEvent<KubeObject>[] = [];
  readonly #arrived: WatchEvent<KubeObject>[] = [];
  #cancelStep: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #end: { readonly error?: unknown } | undefined;
  #held = false;

  constructor(scheduler: Scheduler, owner: string, label: string) {
    this.#scheduler = scheduler;
    this.#owner = owner;
    this.#label = label;
  }

  /** Events that have not arrived. */
  get lag(): number {
    return this.#onWay.length;
  }

  send(event: WatchEvent<KubeObject>): void {
    if (this.#end !== undefined) return;
    this.#onWay.push(event);
    this.#deliverLater();
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#cancelStep?.();
    this.#cancelStep = undefined;
    this.#deliverLater();
  }

  /** What has not arrived is lost. */
  end(error?: KubeApiError): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    this.#cancelStep?.();
    this.#onWay.length = 0;
    this.#wake?.();
  }

  async *events(): AsyncGenerator<WatchEvent<KubeObject>, void, undefined> {
    for (;;) {
      const event = this.#arrived.shift();
      if (event !== undefined) {
        yield event;
      } else if (this.#end !== undefined) {
        if ('error' in this.#end) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #deliverLater(): void {
    const [next] = this.#onWay;
    if (next === undefined || this.#held || this.#cancelStep !== undefined) return;
    const what =
      next.type === 'BOOKMARK'
        ? next.resourceVersion
        : `${next.object.metadata.name}@${next.object.metadata.resourceVersion}`;
    const label = `${this.#label} ${next.type} ${what}`;
    this.#cancelStep = this.#scheduler.post({
      owner: this.#owner,
      label,
      run: () => {
        this.#cancelStep = undefined;
        this.#onWay.shift();
        this.#arrived.push(next);
        this.#deliverLater();
        this.#wake?.();
      },
    });
  }
}

/** What a watch with a selector sees of an event: an object that begins to match is added, one that ceases to is gone. */
export function seenBy(
  event: StoredEvent,
  matches: (object: KubeObject) => boolean,
): WatchEvent<KubeObject> | undefined {
  const { type, object, before } = event;
  const now = type !== 'DELETED' && matches(object);
  const then = before !== undefined && matches(before);
  if (now) return { type: then ? 'MODIFIED' : 'ADDED', object };
  return then ? { type: 'DELETED', object } : undefined;
}
