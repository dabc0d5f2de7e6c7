/** What the runtime takes from outside, so that tests own time, chance and words. */
export interface Clock {
  /** ms of the epoch, for what people read. */
  now(): number;
  /** ms that never go back, for measuring. */
  monotonic(): number;
  /** Calls once after `ms`, unless the returned function was called before. */
  after(ms: number, call: () => void): () => void;
}

/** 0 inclusive to 1 exclusive. */
export type Random = () => number;

/** The shape of pino's loggers. */
export interface KubeLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: KubeLogger;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

/** Waits; a signal ends the wait early without an error. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
