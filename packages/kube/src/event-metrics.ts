import { Counter, type Registry } from 'prom-client';

export type EventDropReason = 'rate_limited' | 'queue_full' | 'failed' | 'closed';

/** One set a registry. */
export class EventMetrics {
  static readonly #known = new WeakMap<Registry, EventMetrics>();

  readonly written: Counter;
  readonly dropped: Counter<'reason'>;

  static of(registry: Registry): EventMetrics {
    const known = EventMetrics.#known.get(registry) ?? new EventMetrics(registry);
    EventMetrics.#known.set(registry, known);
    return known;
  }

  private constructor(registry: Registry) {
    const registers = [registry];
    this.written = new Counter({
      name: 'event_recorder_writes_total',
      help: 'Events written, and counts of their series.',
      registers,
    });
    this.dropped = new Counter({
      name: 'event_recorder_dropped_total',
      help: 'Events that nobody will see, by reason.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of ['rate_limited', 'queue_full', 'failed', 'closed']) this.dropped.inc({ reason }, 0);
  }
}
