import type { ProblemError } from '@mediajob/service';
import { InjectContext, type ServiceContext, toProblem } from '@mediajob/service/nest';
import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';

/** The body of an error as OpenAI's clients read it. */
export function openAiError(problem: ProblemError): { error: object } {
  const missing = problem.code === 'model-missing';
  return {
    error: {
      message: problem.message,
      type:
        statusOf(problem) === 429
          ? 'rate_limit_error'
          : statusOf(problem) >= 500
            ? 'server_error'
            : 'invalid_request_error',
      param: problem.errors?.[0]?.path ?? null,
      code: missing ? 'model_not_found' : problem.code.replaceAll('-', '_'),
    },
  };
}

/** OpenAI answers 400 to what is wrong with a field or a file, and 404 to a model that it does not have. */
export function statusOf({ code, status }: ProblemError): number {
  if (code === 'model-missing') return 404;
  return status === 422 || status === 415 ? 400 : status;
}

/** Errors of the OpenAI addresses, in OpenAI's shape; logged and audited as everywhere. */
@Injectable()
@Catch()
export class OpenAiErrors implements ExceptionFilter {
  readonly #service: ServiceContext;

  constructor(@InjectContext() service: ServiceContext) {
    this.#service = service;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = toProblem(error, request, this.#service);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response
      .status(statusOf(problem))
      .set(problem.headers)
      .type('application/json')
      .send(JSON.stringify(openAiError(problem)));
  }
}
