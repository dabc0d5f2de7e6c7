import type { ProblemCode } from '@mediajob/contract';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ProblemError, problemBody, problemOf } from '../core/problem.js';
import { requestContext } from '../core/request-context.js';
import { looksLikeTraversal, urlLooksLikeTraversal, valueAt } from '../core/traversal.js';
import type { ServiceContext } from './context.js';

type FilterContext = Pick<ServiceContext, 'logger' | 'audit'>;

/** Problem codes for the errors that Nest and its parsers throw themselves, by their HTTP status. */
const CODE_OF_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'invalid-request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  409: 'conflict',
  412: 'precondition-failed',
  413: 'invalid-request',
  415: 'invalid-request',
  416: 'range-not-satisfiable',
  422: 'validation-failed',
  429: 'too-many-requests',
  503: 'busy',
};

/** Every error becomes application/problem+json; what is not known becomes an opaque 500, with its stack in the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #service: FilterContext;

  constructor(service: FilterContext) {
    this.#service = service;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<Request>(), http.getResponse<Response>(), this.#service);
  }
}

/** What an error is answered with, once it is logged and, where it looks like an attack, audited. */
export function toProblem(error: unknown, request: Request, service: FilterContext): ProblemError {
  const { logger, audit } = service;
  const problem = problemOfHttp(error, request);
  const fields = { method: request.method, path: request.path, code: problem.code };
  if (problem.code === 'internal') logger.error({ ...fields, err: error }, 'request failed');
  else logger.debug({ ...fields, err: problem.cause, detail: problem.message }, 'request refused');
  if (meansToLeaveTheVolume(problem, request)) {
    audit.suspicious({
      kind: 'path-traversal',
      actor: request.ip,
      object: request.path,
      detail: { errors: problem.errors },
    });
  }
  return problem;
}

/** Answers an error from code outside of Nest's handlers, such as a mounted middleware. */
export function sendProblem(error: unknown, request: Request, response: Response, service: FilterContext): void {
  const problem = toProblem(error, request, service);
  if (response.headersSent) {
    // Half an answer is out already; cutting the connection is the only way to say that it is not whole.
    response.destroy();
    return;
  }
  response
    .status(problem.status)
    .set(problem.headers)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem, requestContext()?.requestId)));
}

function problemOfHttp(error: unknown, request: Request): ProblemError {
  if (!(error instanceof HttpException)) return problemOf(error);
  const status = error.getStatus();
  const code = CODE_OF_STATUS[status] ?? (status < 500 ? 'invalid-request' : undefined);
  if (code === undefined) return problemOf(error);
  return new ProblemError(code, detailOf(status, error, request), { cause: error });
}

function detailOf(status: number, error: HttpException, request: Request): string {
  if (status === 404) return `There is nothing at ${request.method} ${request.path}. /docs lists what there is.`;
  if (status === 413) return 'The body is larger than this address takes. Send less at once.';
  if (status === 400) {
    // A parser's complaint is one line; several lines are some module's trace, which is nobody's business but ours.
    const why = error.message.includes('\n') ? '' : `: ${error.message}`;
    return `The request cannot be read${why}. Mend it and send it again.`;
  }
  return error.message;
}

function meansToLeaveTheVolume(problem: ProblemError, request: Request): boolean {
  if (problem.status < 400 || problem.status >= 500) return false;
  const { cause } = problem;
  if (cause instanceof Error && 'code' in cause && cause.code === 'unsafe-path') return true;
  if (urlLooksLikeTraversal(request.originalUrl)) return true;
  return (problem.errors ?? []).some(({ path }) => looksLikeTraversal(valueAt(request.body, path)));
}
