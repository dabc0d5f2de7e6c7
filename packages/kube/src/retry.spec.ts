import { describe, expect, it } from 'vitest';
import { KubeApiError } from './error.js';
import { DEFAULT_RETRY, type RetryRule, retryDelay } from './retry.js';

const error = (status: number, reason: string, retryAfterMs?: number) =>
  new KubeApiError('', { status, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
const delay = (failed: KubeApiError, rule: RetryRule, tried = 1, random = 1) =>
  retryDelay(failed, rule, tried, DEFAULT_RETRY, () => random);

describe('a call is sent again', () => {
  it.each([
    ['TooManyRequests', 429],
    ['InternalError', 500],
    ['Status502', 502],
    ['ServiceUnavailable', 503],
    ['Timeout', 504],
    ['Timeout', 0],
    ['Unreachable', 0],
  ])('when it is idempotent, after %s (%i)', (reason, status) => {
    expect(delay(error(status, reason), 'idempotent')).toBe(100);
  });

  it.each([
    ['Unauthorized', 401],
    ['NotFound', 404],
    ['Conflict', 409],
    ['Expired', 410],
    ['Invalid', 422],
    ['Status501', 501],
    ['InvalidAnswer', 200],
    ['Aborted', 0],
  ])('never after %s (%i)', (reason, status) => {
    expect(delay(error(status, reason), 'idempotent')).toBeUndefined();
  });

  it('when it is not idempotent, only after a 429: the server did nothing', () => {
    expect(delay(error(429, 'TooManyRequests'), 'unprocessed')).toBe(100);
    for (const [status, reason] of [
      [500, 'InternalError'],
      [503, 'ServiceUnavailable'],
      [0, 'Unreachable'],
      [0, 'Timeout'],
    ] as const) {
      expect(delay(error(status, reason), 'unprocessed')).toBeUndefined();
    }
  });

  it('not at all when the caller has its own way', () => {
    expect(delay(error(429, 'TooManyRequests'), 'never')).toBeUndefined();
  });

  it('at most four times, with pauses that double up to 5 s and differ by chance', () => {
    const failed = error(500, 'InternalError');
    expect([1, 2, 3, 4, 5].map((tried) => delay(failed, 'idempotent', tried))).toEqual([100, 200, 400, 800, undefined]);
    expect([1, 2, 3].map((tried) => delay(failed, 'idempotent', tried, 0))).toEqual([50, 100, 200]);
    expect(retryDelay(failed, 'idempotent', 20, { ...DEFAULT_RETRY, maxTries: 99 }, () => 1)).toBe(5000);
  });

  it('not before the server wants it, and not at all when that is too long for a call to wait', () => {
    expect(delay(error(429, 'TooManyRequests', 2000), 'unprocessed')).toBe(2100);
    expect(delay(error(429, 'TooManyRequests', 30_000), 'unprocessed')).toBe(30_100);
    expect(delay(error(429, 'TooManyRequests', 31_000), 'unprocessed')).toBeUndefined();
  });
});
