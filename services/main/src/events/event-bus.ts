import { randomBytes } from 'node:crypto';
import type { ServerEvent } from '@mediajob/contract';
import type { EventSource, NumberedEvent } from './event-source.js';

/** Enough for a page that lost its connection for a while; a longer gap loads its lists again. */
const KEPT = 2000;

/**
 * What happens in main, in order, with the last of it kept for readers that come back. Numbers begin anew with each
 * process; the epoch in front tells the numbers of two processes apart.
 */
export class EventBus implements EventSource {
  readonly #epoch: string;
  readonly #kept: NumberedEvent[] = [];
  readonly #listeners = new Set<(event: NumberedEvent) => void>();
  readonly #onListenerError: (error: unknown) => void;
  #sequence = 0;

  /** @param onListenerError told when a listener throws; the others are called all the same */
  constructor(
    onListenerError: (error: unknown) => void = () => undefined,
    epoch: string = randomBytes(6).toString('hex'),
  ) {
    this.#onListenerError = onListenerError;
    this.#epoch = epoch;
  }

  get lastId(): string {
    return `${this.#epoch}-${this.#sequence}`;
  }

  publish(event: ServerEvent): void {
    this.#sequence++;
    const numbered = { id: this.lastId, event };
    this.#kept.push(numbered);
    if (this.#kept.length > KEPT) this.#kept.splice(0, this.#kept.length - KEPT);
    for (const listener of [...this.#listeners]) {
      try {
        listener(numbered);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }

  /** @returns ends the subscription */
  subscribe(listener: (event: NumberedEvent) => void): () => void {
    // A function given twice is two subscriptions, each with an end of its own.
    const own = (event: NumberedEvent) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Events after `sinceId`; undefined when nobody knows what was missed: another epoch, too old, or no id of ours. */
  replay(sinceId: string): readonly NumberedEvent[] | undefined {
    const [, epoch, digits = ''] = /^(.*)-(\d{1,15})$/.exec(sinceId) ?? [];
    const since = Number(digits);
    if (epoch !== this.#epoch || since > this.#sequence) return undefined;
    const missed = this.#sequence - since;
    if (missed > this.#kept.length) return undefined;
    return missed === 0 ? [] : this.#kept.slice(-missed);
  }
}
