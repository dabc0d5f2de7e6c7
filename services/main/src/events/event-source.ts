import type { ServerEvent } from '@mediajob/contract';

export interface NumberedEvent {
  /** `<epoch>-<sequence>` */
  readonly id: string;
  readonly event: ServerEvent;
}

/** What happens in main, in order; the runtime's event bus is one. */
export interface EventSource {
  publish(event: ServerEvent): void;
  /** @returns ends the subscription */
  subscribe(listener: (event: NumberedEvent) => void): () => void;
  /** Events after `sinceId`; undefined when it is of another epoch or too old, so that nobody knows what was missed. */
  replay(sinceId: string): readonly NumberedEvent[] | undefined;
  /** Id of the newest event: where a reader begins who has just loaded everything. */
  readonly lastId: string;
}

export const EVENT_SOURCE = Symbol('EVENT_SOURCE');
