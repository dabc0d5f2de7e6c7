import { Registry } from 'prom-client';
import { onAbort } from './abort.js';
import { ControllerMetrics } from './controller-metrics.js';
import type { Environment, KubeLogger } from './environment.js';
import { isConflict, KubeApiError } from './error.js';
import { uuid } from './identifier.js';
import { withFields } from './log-fields.js';
import { type KubeObject, keyOf, refOf } from './object.js';
import type { Predicate } from './predicates.js';
import { type Priority, WorkQueue } from './queue.js';
import { type Reconcile, ReconcileTimeoutError, TerminalError } from './reconcile.js';
import type { Source } from './source.js';
import { self, type Watch, watches } from './watches.js';

export interface ControllerOptions<T extends KubeObject> {
  /** Label `controller` of the metrics, and name of the queue. */
  readonly name: string;
  readonly environment: Environment;
  readonly registry?: Registry;
  readonly reconcile: Reconcile;
  /** The objects whose keys are reconciled. */
  readonly primary: Source<T>;
  /** Which of their changes count; all, when left out. */
  readonly when?: Predicate<T>;
  /** What else is looked at, and whom its changes concern. */
  readonly watches?: readonly Watch[];
  /** Different keys at a time; 1 when left out. */
  readonly maxConcurrentReconciles?: number;
  /** After which a reconcile is told to stop, in ms; a minute when left out. */
  readonly reconcileTimeoutMs?: number;
  /** Longest pause between failures of one key in ms; 1,000 s when left out. */
  readonly maxBackoffMs?: number;
  /** Each object is looked at again after about so many ms without an event, ± 10 %; 10 h when left out, 0 never. */
  readonly resyncMs?: number;
}

/** Keeps objects as they should be: whenever something changes that concerns one, its key is reconciled. */
export class Controller<T extends KubeObject = KubeObject> {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly #options: ControllerOptions<T>;
  readonly #environment: Environment;
  readonly #log: KubeLogger;
  readonly #metrics: ControllerMetrics;
  /** Objects that are there: only they are looked at again. */
  readonly #known = new Set<string>();
  readonly #running = new Set<AbortController>();
  #started = false;

  constructor(options: ControllerOptions<T>) {
    const { name, environment, registry = new Registry(), maxBackoffMs } = options;
    this.name = name;
    this.#options = options;
    this.#environment = environment;
    this.#log = withFields(environment.log, { controller: name });
    this.#metrics = ControllerMetrics.of(registry);
    this.#metrics.show(name, options.maxConcurrentReconciles ?? 1);
    this.queue = new WorkQueue({
      name,
      clock: environment.clock,
      registry,
      ...(maxBackoffMs === undefined ? {} : { maxDelayMs: maxBackoffMs }),
    });
  }

  /** Asks for a reconcile from outside of all sources; of no effect once the controller stops. */
  enqueue(key: string, priority?: Priority): void {
    this.queue.add(key, priority);
  }

  /**
   * Works until it is stopped; once in its life. Nothing is reconciled before all sources are synced.
   *
   * @param stop takes nothing new, and works off what waits in the queue
   * @param abort aborts what runs at once and drops what waits: leadership is lost, or a shutdown can wait no longer
   * @returns settles when the last reconcile has ended
   */
  async run(stop: AbortSignal, abort?: AbortSignal): Promise<void> {
    if (this.#started) throw new Error(`The controller ${this.name} was run before; make another one.`);
    this.#started = true;
    const { primary, watches: others = [], maxConcurrentReconciles = 1 } = this.#options;
    const stopping = Promise.withResolvers<'stopping'>();
    const ends = this.#listen();
    ends.push(
      onAbort(stop, () => {
        void this.queue.shutDown();
        stopping.resolve('stopping');
      }),
      onAbort(abort, () => {
        this.#abort(abort?.reason);
        stopping.resolve('stopping');
      }),
    );
    try {
      const synced = Promise.all([primary.synced, ...others.map((it) => it.synced)]);
      if ((await Promise.race([synced, stopping.promise])) === 'stopping') return;
      this.#log.info({}, 'all sources are synced; reconciles begin');
      await Promise.all(Array.from({ length: maxConcurrentReconciles }, () => this.#work()));
    } finally {
      for (const end of ends) end();
      void this.queue.shutDown({ discard: true });
    }
  }

  #listen(): (() => void)[] {
    const { primary, when, watches: others = [] } = this.#options;
    const note = primary.subscribe(({ type, object }) => {
      if (type === 'deleted') this.#known.delete(keyOf(object));
      else this.#known.add(keyOf(object));
    });
    const enqueue = (key: string, priority: Priority) => this.queue.add(key, priority);
    return [note, ...[watches(primary, self, when), ...others].map((it) => it.start(enqueue, this.#log))];
  }

  #abort(reason: unknown): void {
    void this.queue.shutDown({ discard: true });
    for (const running of this.#running) running.abort(reason);
  }

  async #work(): Promise<void> {
    for (let key = await this.queue.get(); key !== undefined; key = await this.queue.get()) {
      await this.#process(key);
      this.queue.done(key);
    }
  }

  async #process(key: string): Promise<void> {
    const { clock, random } = this.#environment;
    const { reconcile, reconcileTimeoutMs = 60_000 } = this.#options;
    const labels = { controller: this.name };
    const reconcileID = uuid(random);
    const log = withFields(this.#log, { ...refOf(key), reconcileID });
    const abort = new AbortController();
    let late: ReconcileTimeoutError | undefined;
    const cancel = clock.after(reconcileTimeoutMs, () => {
      late = new ReconcileTimeoutError(`The reconcile did not end within ${reconcileTimeoutMs} ms.`);
      this.#metrics.timeouts.inc(labels);
      log.warn({ timeoutMs: reconcileTimeoutMs }, 'reconcile is late and told to stop');
      abort.abort(late);
    });
    const since = clock.monotonic();
    this.#running.add(abort);
    this.#metrics.activeWorkers.inc(labels);
    try {
      const result = await reconcile(key, { signal: abort.signal, reconcileID, log });
      this.#succeeded(key, result?.requeueAfterMs);
    } catch (error) {
      if (late !== undefined) this.#failed(key, withCause(late, error), log);
      else if (abort.signal.aborted) log.info({ err: error }, 'reconcile ended before its time');
      else this.#failed(key, error, log);
    } finally {
      cancel();
      this.#running.delete(abort);
      this.#metrics.activeWorkers.dec(labels);
      this.#metrics.seconds.observe(labels, (clock.monotonic() - since) / 1000);
    }
  }

  #succeeded(key: string, requeueAfterMs: number | undefined): void {
    const result = requeueAfterMs === undefined ? 'success' : 'requeue_after';
    this.#metrics.total.inc({ controller: this.name, result });
    this.queue.forget(key);
    if (requeueAfterMs !== undefined) this.queue.addAfter(key, requeueAfterMs);
    this.#resync(key);
  }

  #failed(key: string, error: unknown, log: KubeLogger): void {
    const labels = { controller: this.name };
    this.#metrics.total.inc({ ...labels, result: 'error' });
    this.#metrics.errors.inc(labels);
    if (error instanceof TerminalError) {
      this.#metrics.terminalErrors.inc(labels);
      this.queue.forget(key);
      log.error({ err: error }, 'reconcile failed, and will not be tried again before something changes');
      this.#resync(key);
      return;
    }
    this.queue.addRateLimited(key, error instanceof KubeApiError ? error.retryAfterMs : 0);
    const failures = this.queue.failures(key);
    if (isPanic(error)) {
      this.#metrics.panics.inc(labels);
      log.error({ err: error, failures }, 'reconcile threw what only a mistake in the program throws');
    } else if (isConflict(error)) {
      log.info({ err: error, failures }, 'somebody else wrote in between; reconcile is tried again');
    } else {
      log.warn({ err: error, failures }, 'reconcile failed, and is tried again');
    }
  }

  /** The queue keeps the earlier time, when the reconcile asked for one. */
  #resync(key: string): void {
    const { resyncMs = 36_000_000 } = this.#options;
    if (resyncMs <= 0 || !this.#known.has(key)) return;
    this.queue.addAfter(key, resyncMs * (0.9 + 0.2 * this.#environment.random()), 'low');
  }
}

function withCause(late: ReconcileTimeoutError, error: unknown): ReconcileTimeoutError {
  if (error !== late) late.cause = error;
  return late;
}

/** What no call to a server throws: anything that is no Error, and the errors of the language itself. */
function isPanic(error: unknown): boolean {
  return (
    !(error instanceof Error) ||
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}
