import type { KubeLogger } from './environment.js';

export interface ReconcileContext {
  /**
   * Aborted at the deadline, when leadership is lost, and when a shutdown can wait no longer. Pass it to every call: a
   * reconcile that goes on without heeding it keeps its worker, and its key.
   */
  readonly signal: AbortSignal;
  /** In every line of `log`. */
  readonly reconcileID: string;
  readonly log: KubeLogger;
}

export interface ReconcileResult {
  /** Look again after so many ms, even if nothing happens; 0 is at once. */
  readonly requeueAfterMs?: number | undefined;
}

/**
 * Brings one object nearer to what it should be. It gets a key, never an event: it looks at what there is now. What it
 * throws is tried again later, with growing pauses, unless it is a {@link TerminalError}.
 */
export type Reconcile = (
  key: string,
  context: ReconcileContext,
  // biome-ignore lint/suspicious/noConfusingVoidType: one that has nothing to say just ends
) => Promise<ReconcileResult | undefined | void>;

/** Trying again would not help until something changes: it is counted and logged, and left alone until then. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
  readonly code = 'terminal';
}

/** A reconcile did not end in its time. The cause is what it threw when it was told to stop. */
export class ReconcileTimeoutError extends Error {
  override readonly name = 'ReconcileTimeoutError';
  readonly code = 'reconcile-timeout';
}
