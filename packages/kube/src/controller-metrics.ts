import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What became of a reconcile, in controller-runtime's words. */
export type ReconcileOutcome = 'success' | 'requeue_after' | 'error';

/** The buckets of controller-runtime, in seconds. */
const BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

/** controller-runtime's metrics, so that its dashboards and alerts fit; one set a registry. */
export class ControllerMetrics {
  static readonly #known = new WeakMap<Registry, ControllerMetrics>();

  readonly total: Counter<'controller' | 'result'>;
  readonly errors: Counter<'controller'>;
  readonly terminalErrors: Counter<'controller'>;
  readonly panics: Counter<'controller'>;
  readonly timeouts: Counter<'controller'>;
  readonly seconds: Histogram<'controller'>;
  readonly maxConcurrent: Gauge<'controller'>;
  readonly activeWorkers: Gauge<'controller'>;

  static of(registry: Registry): ControllerMetrics {
    const known = ControllerMetrics.#known.get(registry) ?? new ControllerMetrics(registry);
    ControllerMetrics.#known.set(registry, known);
    return known;
  }

  private constructor(registry: Registry) {
    const registers = [registry];
    const counter = (name: string, help: string) =>
      new Counter({ name: `controller_runtime_${name}`, help, labelNames: ['controller'] as const, registers });
    const gauge = (name: string, help: string) =>
      new Gauge({ name: `controller_runtime_${name}`, help, labelNames: ['controller'] as const, registers });
    this.total = new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciles by result: success, requeue_after or error.',
      labelNames: ['controller', 'result'],
      registers,
    });
    this.errors = counter('reconcile_errors_total', 'Reconciles that threw, terminal errors among them.');
    this.terminalErrors = counter('terminal_reconcile_errors_total', 'Reconciles that threw a terminal error.');
    this.panics = counter('reconcile_panics_total', 'Reconciles that threw what only a mistake in the program throws.');
    this.timeouts = counter('reconcile_timeouts_total', 'Reconciles that were told to stop at their deadline.');
    this.seconds = new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Time of a reconcile.',
      labelNames: ['controller'],
      buckets: BUCKETS,
      registers,
    });
    this.maxConcurrent = gauge('max_concurrent_reconciles', 'Reconciles that may run at once.');
    this.activeWorkers = gauge('active_workers', 'Reconciles that run now.');
  }

  /** Shows a controller with zeros before anything happened. */
  show(controller: string, maxConcurrent: number): void {
    for (const result of ['success', 'requeue_after', 'error']) this.total.inc({ controller, result }, 0);
    for (const it of [this.errors, this.terminalErrors, this.panics, this.timeouts]) it.inc({ controller }, 0);
    this.seconds.zero({ controller });
    this.maxConcurrent.set({ controller }, maxConcurrent);
    this.activeWorkers.set({ controller }, 0);
  }
}
