import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** client-go's metrics of reflectors, and of errors and objects. The label `name` is `plural.group`. One set a registry. */
export class ReflectorMetrics {
  static readonly #known = new WeakMap<Registry, ReflectorMetrics>();

  /** Objects held, by name; asked when metrics are collected. */
  readonly sizes = new Map<string, Set<() => number>>();
  readonly lists: Counter<'name'>;
  readonly listSeconds: Histogram<'name'>;
  readonly listItems: Histogram<'name'>;
  readonly watches: Counter<'name'>;
  readonly shortWatches: Counter<'name'>;
  readonly errors: Counter<'name' | 'reason'>;

  static of(registry: Registry): ReflectorMetrics {
    const known = ReflectorMetrics.#known.get(registry) ?? new ReflectorMetrics(registry);
    ReflectorMetrics.#known.set(registry, known);
    return known;
  }

  private constructor(registry: Registry) {
    const registers = [registry];
    const labelNames = ['name'] as const;
    const { sizes } = this;
    this.lists = new Counter({ name: 'reflector_lists_total', help: 'Whole lists read.', labelNames, registers });
    this.listSeconds = new Histogram({
      name: 'reflector_list_duration_seconds',
      help: 'Time to read a whole list.',
      labelNames,
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
      registers,
    });
    this.listItems = new Histogram({
      name: 'reflector_items_per_list',
      help: 'Objects of a whole list.',
      labelNames,
      buckets: [0, 1, 10, 100, 1000, 10_000, 100_000],
      registers,
    });
    this.watches = new Counter({ name: 'reflector_watches_total', help: 'Watches begun.', labelNames, registers });
    this.shortWatches = new Counter({
      name: 'reflector_short_watches_total',
      help: 'Watches that ended within a second without an event.',
      labelNames,
      registers,
    });
    this.errors = new Counter({
      name: 'reflector_errors_total',
      help: 'Lists and watches that failed, by the reason of the server or of the client (Expired is a new list, no fault).',
      labelNames: ['name', 'reason'],
      registers,
    });
    new Gauge({
      name: 'informer_objects',
      help: 'Objects held in memory.',
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const [name, all] of sizes)
          this.set(
            { name },
            [...all].reduce((sum, size) => sum + size(), 0),
          );
      },
    });
  }
}
