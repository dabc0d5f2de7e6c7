import type { Logger } from 'pino';

/** Steps of DESIGN §7 in their order. */
export const SHUTDOWN_PHASES = ['stop-taking', 'stop-children', 'flush'] as const;
export type ShutdownPhase = (typeof SHUTDOWN_PHASES)[number];

export interface ShutdownHook {
  name: string;
  run(): Promise<void> | void;
}

/**
 * The end of a service, in this order: it says that it is not ready (`draining`), takes no new work, lets running
 * requests end, stops its children, and flushes. Each part has its share of the grace; a hook that hangs or throws is
 * logged and never keeps the others from running. All parts together take at most the grace.
 */
export class Shutdown {
  readonly #hooks: Record<ShutdownPhase, ShutdownHook[]> = { 'stop-taking': [], 'stop-children': [], flush: [] };
  readonly #graceMs: number;
  readonly #logger: Logger;
  #inFlight = 0;
  #quiet: (() => void)[] = [];
  #running: Promise<void> | undefined;

  constructor(options: { graceMs: number; logger: Logger }) {
    this.#graceMs = options.graceMs;
    this.#logger = options.logger;
  }

  /** True from the first moment of the end: /health/ready then answers 503. */
  get draining(): boolean {
    return this.#running !== undefined;
  }

  on(phase: ShutdownPhase, name: string, run: ShutdownHook['run']): void {
    this.#hooks[phase].push({ name, run });
  }

  /** Counts a request that the end waits for; streams that have no end of their own are not counted. */
  requestStarted(): () => void {
    this.#inFlight++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#inFlight--;
      if (this.#inFlight === 0) for (const resolve of this.#quiet.splice(0)) resolve();
    };
  }

  /** Runs once, however often it is called. Never rejects. */
  run(reason: string): Promise<void> {
    this.#running ??= this.#sequence(reason);
    return this.#running;
  }

  async #sequence(reason: string): Promise<void> {
    // One turn of the loop, so that `draining` is true before the first hook runs.
    await Promise.resolve();
    this.#logger.info({ reason, inFlight: this.#inFlight }, 'shutting down');
    await this.#phase('stop-taking', this.#graceMs * 0.1);
    if (this.#inFlight > 0) {
      const ended = await within(this.#graceMs * 0.4, new Promise<void>((resolve) => this.#quiet.push(resolve)));
      if (!ended) this.#logger.warn({ inFlight: this.#inFlight }, 'requests did not end in time and are cut off');
    }
    await this.#phase('stop-children', this.#graceMs * 0.4);
    await this.#phase('flush', this.#graceMs * 0.1);
  }

  async #phase(phase: ShutdownPhase, timeoutMs: number): Promise<void> {
    await Promise.all(
      this.#hooks[phase].map(async (hook) => {
        try {
          const ended = await within(
            timeoutMs,
            Promise.resolve().then(() => hook.run()),
          );
          if (!ended) this.#logger.warn({ hook: hook.name, phase }, 'did not end in time');
        } catch (error) {
          this.#logger.error({ err: error, hook: hook.name, phase }, 'failed while shutting down');
        }
      }),
    );
  }
}

async function within(timeoutMs: number, work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
