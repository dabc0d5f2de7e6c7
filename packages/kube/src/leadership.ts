import type { Clock } from './environment.js';

/** The right to write, for as long as a Lease is held. */
export interface Leadership {
  /** Aborted when leadership is lost or given up: pass it to everything that writes. */
  readonly signal: AbortSignal;
  /**
   * Asks the clock, so that a process that was paused knows before its timers do. Ask right before each write, or let
   * `fenced()` do it.
   */
  holds(): boolean;
}

/** Why the signal of a leadership is aborted. */
export class LeadershipEndedError extends Error {
  override readonly name = 'LeadershipEndedError';
  readonly code: 'leadership-lost' | 'leadership-released';

  constructor(code: LeadershipEndedError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Leadership that runs out by itself. It ends `renewDeadlineMs` after the *request* of the last renewal that worked was
 * sent: all others begin to count when they see that renewal, which is later, and count longer.
 */
export class Term implements Leadership {
  readonly #clock: Clock;
  readonly #renewDeadlineMs: number;
  readonly #abort = new AbortController();
  #until: number;
  #cancel: () => void = () => {};

  /** @param sentAt monotonic ms at which the request that won the Lease was sent */
  constructor(clock: Clock, renewDeadlineMs: number, sentAt: number) {
    this.#clock = clock;
    this.#renewDeadlineMs = renewDeadlineMs;
    this.#until = sentAt + renewDeadlineMs;
    this.#arm();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  holds(): boolean {
    if (this.#clock.monotonic() >= this.#until) {
      this.end('leadership-lost', `The Lease could not be renewed for ${this.#renewDeadlineMs} ms.`);
    }
    return !this.signal.aborted;
  }

  /** A renewal that was sent at this monotonic time worked; too late, it changes nothing. */
  renewed(sentAt: number): void {
    if (!this.holds()) return;
    this.#until = Math.max(this.#until, sentAt + this.#renewDeadlineMs);
    this.#arm();
  }

  end(code: LeadershipEndedError['code'], message: string): void {
    this.#cancel();
    if (!this.signal.aborted) this.#abort.abort(new LeadershipEndedError(code, message));
  }

  #arm(): void {
    this.#cancel();
    if (!this.holds()) return;
    // A timer may fire a little early; then it is armed again.
    this.#cancel = this.#clock.after(Math.max(1, this.#until - this.#clock.monotonic()), () => this.#arm());
  }
}
