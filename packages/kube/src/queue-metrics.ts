import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What is read from a queue when metrics are collected. */
export interface MeasuredQueue {
  readonly name: string;
  /** Keys that wait to be worked on. */
  readonly depth: number;
  /** For how long, in ms, each key that is worked on now has been. */
  runningMs(): number[];
}

/** 10 ns to 1,000 s, the buckets of controller-runtime. */
const BUCKETS = Array.from({ length: 12 }, (_, i) => 10 ** (i - 8));

/** client-go's metrics of work queues; one set a registry, however many queues there are. */
export class QueueMetrics {
  static readonly #known = new WeakMap<Registry, QueueMetrics>();

  readonly queues = new Set<MeasuredQueue>();
  readonly adds: Counter<'name'>;
  readonly retries: Counter<'name'>;
  readonly waitSeconds: Histogram<'name'>;
  readonly workSeconds: Histogram<'name'>;

  static of(registry: Registry): QueueMetrics {
    const known = QueueMetrics.#known.get(registry) ?? new QueueMetrics(registry);
    QueueMetrics.#known.set(registry, known);
    return known;
  }

  private constructor(registry: Registry) {
    const labelNames = ['name'] as const;
    const registers = [registry];
    const { queues } = this;
    const gauge = (name: string, help: string, value: (queue: MeasuredQueue) => number) =>
      new Gauge({
        name,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const queue of queues) this.set({ name: queue.name }, value(queue));
        },
      });
    gauge('workqueue_depth', 'Keys that wait in a work queue.', (queue) => queue.depth);
    gauge(
      'workqueue_unfinished_work_seconds',
      'Time spent so far on all keys being worked on; one that grows steadily tells of a stuck worker.',
      (queue) => queue.runningMs().reduce((sum, ms) => sum + ms / 1000, 0),
    );
    gauge(
      'workqueue_longest_running_processor_seconds',
      'Time spent so far on the key that has been worked on the longest.',
      (queue) => Math.max(0, ...queue.runningMs()) / 1000,
    );
    this.adds = new Counter({
      name: 'workqueue_adds_total',
      help: 'Keys added to a work queue, each once while it waits.',
      labelNames,
      registers,
    });
    this.retries = new Counter({
      name: 'workqueue_retries_total',
      help: 'Keys added again after a failure.',
      labelNames,
      registers,
    });
    this.waitSeconds = new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'Time a key waits in a work queue.',
      labelNames,
      buckets: BUCKETS,
      registers,
    });
    this.workSeconds = new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'Time spent on a key.',
      labelNames,
      buckets: BUCKETS,
      registers,
    });
  }

  /** Shows a queue with zeros before anything happened. */
  show(queue: MeasuredQueue): void {
    this.queues.add(queue);
    this.adds.inc({ name: queue.name }, 0);
    this.retries.inc({ name: queue.name }, 0);
    this.waitSeconds.zero({ name: queue.name });
    this.workSeconds.zero({ name: queue.name });
  }
}
