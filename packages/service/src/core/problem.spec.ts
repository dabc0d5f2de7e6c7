import { PROBLEM_CODES, Problem, StepRequest } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { ProblemError, parseRequest, problemBody, problemOf } from './problem.js';

describe('a problem', () => {
  it.each(PROBLEM_CODES)('%s has a body of the contract', (code) => {
    const body = problemBody(new ProblemError(code, 'What to do next.'), 'request-1');
    expect(Problem.parse(body)).toMatchObject({ code, type: `urn:mediajob:problem:${code}`, instance: 'request-1' });
  });

  it('names each wrong field with its path', () => {
    const wrong = { stage: 'cleanup', jobId: 'no-uuid', runId: 'UPPER', more: 1 };
    let thrown: unknown;
    try {
      parseRequest(StepRequest, wrong);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ProblemError);
    const { code, status, errors } = thrown as ProblemError;
    expect({ code, status }).toEqual({ code: 'validation-failed', status: 422 });
    expect(errors?.map((it) => it.path)).toEqual(expect.arrayContaining(['jobId', 'runId']));
  });

  it('says nothing of an unknown error, which may hold paths and secrets', () => {
    const problem = problemOf(new Error('ENOENT: /data/secret-of-ann'));
    expect(problem.status).toBe(500);
    expect(JSON.stringify(problemBody(problem, 'r'))).not.toContain('secret');
  });

  it.each([
    ['ENOSPC', 507, 'storage-full'],
    ['EDQUOT', 507, 'storage-full'],
    ['storage-full', 507, 'storage-full'],
    ['unsafe-path', 422, 'validation-failed'],
    ['input-not-found', 404, 'not-found'],
    ['EIO', 500, 'internal'],
  ])('of an error with code %s is %i %s', (code, status, problemCode) => {
    const problem = problemOf(Object.assign(new Error('/data/x'), { code }));
    expect(problem).toMatchObject({ status, code: problemCode });
    expect(problem.message).not.toContain('/data/x');
  });
});
