import type { ProgressReport, StepProgress, Usage } from '@mediajob/contract';
import type { StepLogger } from './context.js';

/** The answer to a report. */
export interface ReportAnswer {
  status: number;
  /** ms that the receiver asks to wait. */
  retryAfterMs?: number | undefined;
  /** What it says is wrong. */
  detail?: string | undefined;
}

/** Sends one report. @throws anything when no answer came, the signal's reason among it */
export type SendReport = (report: ProgressReport, signal: AbortSignal) => Promise<ReportAnswer>;

export interface ProgressPosterOptions {
  runId: string;
  send: SendReport;
  usage(): Usage | undefined;
  log: StepLogger;
  /** ms that never go back. */
  monotonic?(): number;
  /** Calls once after ms, unless what it returns was called before. */
  after?(ms: number, call: () => void): () => void;
  /** 0 to 1: so that all pods do not come back at the same moment. */
  random?(): number;
}

/** A report is due after this long, … */
const EVERY_MS = 2_000;
/** … or when so much more is done, but then not faster than this. */
const STEP = 0.01;
const LEAST_GAP_MS = 250;
const REPORT_TIMEOUT_MS = 5_000;
/** What the end of a run waits for its last report at most. */
const LAST_REPORT_MS = 2_000;
const LONGEST_BACKOFF_MS = 60_000;
/** The job has ended for the receiver: it wants no more of it. */
const ENDED = 409;

/**
 * Tells somebody how far a run is, without the run ever noticing: the newest progress wins, one report is under way at a
 * time, and one that fails is only logged. {@link close} sends what has not been told yet.
 */
export class ProgressPoster {
  readonly #options: Required<ProgressPosterOptions>;
  #unsent: StepProgress | undefined;
  #toldFraction = Number.NEGATIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #inFlight: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #ended = false;
  readonly #abort = new AbortController();

  constructor(options: ProgressPosterOptions) {
    this.#options = {
      monotonic: () => performance.now(),
      after: (ms, call) => {
        const timer = setTimeout(call, ms).unref();
        return () => clearTimeout(timer);
      },
      random: Math.random,
      ...options,
    };
  }

  /** Never throws and never waits. */
  report(progress: StepProgress): void {
    if (this.#ended) return;
    this.#unsent = progress;
    this.#pump();
  }

  /** Sends the last report, and waits for it at most 2 s. Afterwards nothing of this is left. */
  async close(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    const giveUp = this.#options.after(LAST_REPORT_MS, () => this.#abort.abort());
    const wasInFlight = this.#inFlight;
    const last = this.#ended ? undefined : this.#unsent;
    this.#ended = true;
    this.#cancelTimer?.();
    await wasInFlight;
    const latest = last ?? this.#unsent;
    if (latest !== undefined && !this.#abort.signal.aborted) await this.#send(latest);
    giveUp();
    this.#abort.abort();
  }

  #pump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const next = this.#unsent;
    if (next === undefined || this.#inFlight !== undefined || this.#ended) return;
    const gap = next.fraction - this.#toldFraction >= STEP ? LEAST_GAP_MS : EVERY_MS;
    const waitMs = Math.max(this.#lastMs + gap, this.#notBeforeMs) - this.#options.monotonic();
    if (waitMs > 0) {
      this.#cancelTimer = this.#options.after(waitMs, () => this.#pump());
      return;
    }
    this.#unsent = undefined;
    this.#inFlight = this.#send(next).finally(() => {
      this.#inFlight = undefined;
      this.#pump();
    });
  }

  /** Never rejects. */
  async #send(progress: StepProgress): Promise<void> {
    const { runId, usage, send, monotonic } = this.#options;
    this.#lastMs = monotonic();
    const timeout = new AbortController();
    const cancel = this.#options.after(REPORT_TIMEOUT_MS, () =>
      timeout.abort(new DOMException('No answer came in time.', 'TimeoutError')),
    );
    try {
      const used = usage();
      const report: ProgressReport = { runId, progress, ...(used === undefined ? {} : { usage: used }) };
      const answer = await send(report, AbortSignal.any([timeout.signal, this.#abort.signal]));
      if (answer.status >= 200 && answer.status < 300) this.#told(progress);
      else if (answer.status === ENDED) this.#ended = true;
      else
        this.#failed(progress, `it answered ${answer.status}: ${answer.detail ?? 'nothing more'}`, answer.retryAfterMs);
    } catch (error) {
      this.#failed(progress, error instanceof Error ? error.message : String(error));
    } finally {
      cancel();
    }
  }

  #told(progress: StepProgress): void {
    if (this.#failures > 0) this.#options.log.info({ failures: this.#failures }, 'progress can be reported again');
    this.#failures = 0;
    this.#toldFraction = progress.fraction;
  }

  #failed(progress: StepProgress, why: string, retryAfterMs = 0): void {
    if (this.#abort.signal.aborted) return;
    this.#failures += 1;
    const { log, monotonic, random } = this.#options;
    const backoffMs = Math.min(LONGEST_BACKOFF_MS, EVERY_MS * 2 ** (this.#failures - 1)) * (0.5 + random() / 2);
    this.#notBeforeMs = monotonic() + Math.max(backoffMs, Math.min(retryAfterMs, LONGEST_BACKOFF_MS));
    const message = 'progress could not be reported; the run goes on without';
    // Once in a row is enough: a long run would write thousands of lines.
    if (this.#failures === 1) log.warn({ why }, message);
    else log.debug({ why, failures: this.#failures }, message);
    this.#unsent ??= progress;
  }
}
