import { onAbort } from './abort.js';
import type { Controller } from './controller.js';
import type { LeaderElector } from './election.js';
import { type Environment, sleep } from './environment.js';
import type { Leadership } from './leadership.js';
import { EventLoopProbe } from './liveness.js';

/** What fills the stores: an informer, or all of them together. */
export interface ManagedInformer {
  /** Runs until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  readonly synced: Promise<void> | (() => Promise<void>);
}

/** What answers others, on each replica: health, metrics, webhooks. */
export interface ManagedServer {
  readonly name: string;
  start(): Promise<void>;
  /** Still answers, and takes no new work. */
  stopTaking?(): void;
  close(): Promise<void>;
}

/** What only the leader does. */
export interface LeaderWork {
  readonly controllers: readonly Pick<Controller, 'name' | 'run'>[];
  /** Loops beside the controllers; each runs until the signal is aborted, which happens after the last reconcile. */
  readonly loops?: readonly ((signal: AbortSignal) => Promise<void>)[];
  /** After all of that: what has still to be written before the Lease is released, such as events. */
  finish?(): Promise<void>;
}

export interface ManagerOptions {
  readonly environment: Environment;
  readonly informers: readonly ManagedInformer[];
  readonly servers?: readonly ManagedServer[];
  /** Left out: this process alone does the work. */
  readonly elector?: LeaderElector;
  /** Makes the work, once this process leads; `fenced(api, leadership)` is what it writes through. */
  readonly lead: (leadership: Leadership) => LeaderWork;
  /** Longest time in ms in which the queues are worked off at a shutdown; 20 s when left out. */
  readonly drainMs?: number;
  /** How long in ms anything that does not heed its signal is waited for; 2 s when left out. */
  readonly graceMs?: number;
  /** Longest time in ms for {@link LeaderWork.finish}; `graceMs` when left out. */
  readonly finishMs?: number;
  /** Pause in ms between two looks at whether the event loop moves; 1 s when left out. */
  readonly beatMs?: number;
}

/** Why a manager ended. */
export type ManagerEnd = 'stopped' | 'lost';

/**
 * Puts a process together. Start: servers, informers, and when all caches are synced, ready; then the election, and
 * with it the work. End: not ready, take nothing new, stop the informers, work off the queues, release the Lease, close
 * the servers in reverse order.
 */
export class Manager {
  readonly #options: ManagerOptions;
  readonly #environment: Environment;
  readonly #probe: EventLoopProbe;
  /** Aborted by whatever ends the process. */
  readonly #end = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  readonly #taking = new AbortController();
  readonly #reflecting = new AbortController();
  readonly #servers: ManagedServer[] = [];
  #failure: { readonly error: unknown } | undefined;
  #synced = false;
  #leading = false;

  constructor(options: ManagerOptions) {
    this.#options = options;
    this.#environment = options.environment;
    this.#probe = new EventLoopProbe({
      clock: options.environment.clock,
      ...(options.beatMs !== undefined && { everyMs: options.beatMs }),
    });
  }

  /** Caches are synced, and no end has begun; a replica that waits for the Lease is ready too. */
  get ready(): boolean {
    return this.#synced && !this.#end.signal.aborted;
  }

  /** The event loop moves. */
  get live(): boolean {
    return this.#probe.moves;
  }

  get leading(): boolean {
    return this.#leading;
  }

  /**
   * Once in its life.
   *
   * @returns `lost` when leadership was lost: the process had better end then, and begin anew
   * @throws what a server, an informer, a controller or a loop throws, after everything has ended in order
   */
  async run(stop: AbortSignal): Promise<ManagerEnd> {
    const { servers = [], informers } = this.#options;
    onAbort(this.#end.signal, () => this.#quit());
    const forget = onAbort(stop, () => this.#end.abort());
    this.#probe.start();
    let reason: ManagerEnd = 'stopped';
    const informing: Promise<void>[] = [];
    try {
      for (const server of servers) {
        await server.start();
        this.#servers.push(server);
      }
      informing.push(...informers.map((it) => this.#guard(() => this.#inform(it))));
      const synced = informers.map((it) => (typeof it.synced === 'function' ? it.synced() : it.synced));
      await Promise.race([Promise.all(synced), this.#ended.promise]);
      if (!this.#end.signal.aborted) {
        this.#synced = true;
        this.#environment.log.info({}, 'all caches are synced; ready');
        reason = await this.#elect();
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#end.abort();
    await this.#within(Promise.all(informing), 'informers');
    for (const server of this.#servers.toReversed()) await this.#guard(() => server.close());
    this.#probe.stop();
    forget();
    if (this.#failure !== undefined) throw this.#failure.error;
    return reason;
  }

  #quit(): void {
    for (const server of this.#servers) {
      try {
        server.stopTaking?.();
      } catch (error) {
        this.#fail(error);
      }
    }
    this.#taking.abort();
    this.#reflecting.abort();
    this.#ended.resolve();
  }

  async #inform(informer: ManagedInformer): Promise<void> {
    await informer.run(this.#reflecting.signal);
    // Without it the others would decide on half of the truth.
    if (!this.#end.signal.aborted) throw new Error('An informer ended by itself.');
  }

  async #elect(): Promise<ManagerEnd> {
    const { elector } = this.#options;
    if (elector === undefined) {
      const alone = new AbortController();
      await this.#lead({ signal: alone.signal, holds: () => !alone.signal.aborted });
      return 'stopped';
    }
    // Whoever leads gives up by ending its work, so that the Lease is renewed until then.
    const waiting = new AbortController();
    const forget = onAbort(this.#end.signal, () => {
      if (!this.#leading) waiting.abort();
    });
    try {
      return await elector.run(waiting.signal, (leadership) => this.#lead(leadership));
    } finally {
      forget();
    }
  }

  async #lead(leadership: Leadership): Promise<void> {
    const { drainMs = 20_000, lead } = this.#options;
    this.#leading = true;
    const abort = new AbortController();
    const over = Promise.withResolvers<void>();
    const forget = onAbort(leadership.signal, () => {
      this.#leading = false;
      abort.abort(leadership.signal.reason);
      over.resolve();
    });
    try {
      const work = lead(leadership);
      const looping = new AbortController();
      const loops = (work.loops ?? []).map((it) => this.#guard(() => it(looping.signal)));
      const controllers = work.controllers.map((it) => this.#guard(() => it.run(this.#taking.signal, abort.signal)));
      await Promise.race([this.#ended.promise, over.promise]);
      const cancel = this.#environment.clock.after(drainMs, () =>
        abort.abort(new Error('The shutdown waits no longer.')),
      );
      const aborted = new Promise<void>((resolve) => onAbort(abort.signal, resolve));
      const drained = Promise.all(controllers);
      await Promise.race([drained, aborted]);
      await this.#within(drained, 'controllers');
      cancel();
      looping.abort();
      await this.#within(Promise.all(loops), 'loops');
      if (leadership.holds())
        await this.#within(
          this.#guard(async () => work.finish?.()),
          'finish',
          this.#options.finishMs,
        );
    } finally {
      this.#leading = false;
      forget();
    }
  }

  /** Never rejects: what fails ends the process in order. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#environment.log.error({ err: error }, 'a part of the process failed; it ends');
    this.#end.abort();
  }

  async #within(work: Promise<unknown>, name: string, graceMs = this.#options.graceMs ?? 2_000): Promise<void> {
    const done = new AbortController();
    const late = sleep(this.#environment.clock, graceMs, done.signal).then(() => {
      if (!done.signal.aborted)
        this.#environment.log.warn({ graceMs }, `${name} did not end in time; they are given up`);
    });
    await Promise.race([work, late]);
    done.abort();
  }
}
