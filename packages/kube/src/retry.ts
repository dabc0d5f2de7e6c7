import type { Random } from './environment.js';
import type { KubeApiError } from './error.js';

/**
 * When a call may be sent again. idempotent: after any failure that may pass, since once more does no harm.
 * unprocessed: only when the server says that it did nothing (429). never: the caller has its own way.
 */
export type RetryRule = 'idempotent' | 'unprocessed' | 'never';

export interface RetryPolicy {
  /** The first one included. */
  readonly maxTries: number;
  /** First pause in ms; it doubles with each try. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Longest Retry-After that is waited for inside of a call, in ms; with a longer one the error is for the caller. */
  readonly maxRetryAfterMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  maxTries: 5,
  backoffMs: 100,
  maxBackoffMs: 5_000,
  maxRetryAfterMs: 30_000,
};

const PASSING = new Set([429, 500, 502, 503, 504]);

/**
 * ms to wait before the next try; undefined when there is none. With a Retry-After it is waited for at least, and up to
 * a second or so longer, so that all who were refused do not come back at once.
 *
 * @param tried how often the call has been sent
 */
export function retryDelay(
  error: KubeApiError,
  rule: RetryRule,
  tried: number,
  policy: RetryPolicy,
  random: Random,
): number | undefined {
  if (rule === 'never' || tried >= policy.maxTries) return undefined;
  if (error.status !== 429 && (rule === 'unprocessed' || !mayPass(error))) return undefined;
  const retryAfter = error.retryAfterMs ?? 0;
  if (retryAfter > policy.maxRetryAfterMs) return undefined;
  const backoff = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** (tried - 1));
  return retryAfter + backoff * (0.5 + random() / 2);
}

function mayPass({ status, reason }: KubeApiError): boolean {
  return PASSING.has(status) || reason === 'Unreachable' || (status === 0 && reason === 'Timeout');
}
