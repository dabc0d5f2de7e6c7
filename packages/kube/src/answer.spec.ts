import { describe, expect, it } from 'vitest';
import { errorOfAnswer, unreachable } from './answer.js';
import { KubeConfigError } from './server-access.js';

const status = (fields: object) => JSON.stringify({ kind: 'Status', apiVersion: 'v1', ...fields });

describe('the error of an answer', () => {
  it('has what the Status says', () => {
    const details = { name: 'a', kind: 'jobs', group: 'batch', causes: [{ field: 'spec', message: 'immutable' }] };
    const error = errorOfAnswer(
      'POST /apis/batch/v1/jobs',
      422,
      {},
      status({ reason: 'Invalid', message: 'Job "a" is invalid', details }),
    );
    expect(error).toMatchObject({ status: 422, reason: 'Invalid', details, retryAfterMs: undefined });
    expect(error.message).toBe('POST /apis/batch/v1/jobs was answered with 422 Invalid: Job "a" is invalid');
  });

  it.each([
    [400, 'BadRequest'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [404, 'NotFound'],
    [409, 'Conflict'],
    [410, 'Gone'],
    [413, 'RequestEntityTooLarge'],
    [422, 'Invalid'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [502, 'Status502'],
    [503, 'ServiceUnavailable'],
    [504, 'Timeout'],
  ])('%i without a Status is %s, and quotes nothing of the body', (code, reason) => {
    for (const body of [
      '',
      '<html>secret</html>',
      '{"message":"secret"}',
      'null',
      '[]',
      status({ message: 7, reason: 7 }),
    ]) {
      const error = errorOfAnswer('GET /x', code, {}, body);
      expect(error).toMatchObject({ status: code, reason, message: `GET /x was answered with ${code} ${reason}` });
    }
  });

  it('knows how long to wait: from the header, or else from the Status', () => {
    const body = status({ details: { retryAfterSeconds: 7 } });
    expect(errorOfAnswer('GET /x', 429, {}, body).retryAfterMs).toBe(7000);
    expect(errorOfAnswer('GET /x', 429, { 'retry-after': '1' }, body).retryAfterMs).toBe(1000);
    expect(
      errorOfAnswer('GET /x', 429, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }, '').retryAfterMs,
    ).toBeUndefined();
    expect(errorOfAnswer('GET /x', 429, { 'retry-after': '-1' }, '').retryAfterMs).toBeUndefined();
  });

  it('cuts off a message that is a book', () => {
    const { message } = errorOfAnswer('GET /x', 422, {}, status({ reason: 'Invalid', message: 'x'.repeat(100_000) }));
    expect(message.length).toBeLessThan(1100);
    expect(message.endsWith('…')).toBe(true);
  });
});

describe('the error of a connection', () => {
  it.each([
    [
      Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' }),
      'Unreachable',
      ' (ECONNREFUSED)',
    ],
    [
      new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'ECONNRESET' }) }),
      'Unreachable',
      ' (ECONNRESET)',
    ],
    [new Error('without a code'), 'Unreachable', ''],
    ['not an error', 'Unreachable', ''],
    [new KubeConfigError('the credentials cannot be read'), 'Unreachable', ': the credentials cannot be read'],
  ])('tells its code and nothing else', (cause, reason, words) => {
    expect(unreachable('GET /x', cause)).toMatchObject({
      status: 0,
      reason,
      cause,
      message: `GET /x: the API server cannot be reached${words}`,
    });
  });

  it.each(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'])('is a timeout for %s', (code) => {
    expect(unreachable('GET /x', Object.assign(new Error(''), { code }))).toMatchObject({
      status: 0,
      reason: 'Timeout',
    });
  });
});
