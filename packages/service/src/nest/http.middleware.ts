import type { NextFunction, Request, Response } from 'express';
import { contextOfHeaders, withRequestContext } from '../core/request-context.js';
import type { ServiceContext } from './context.js';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * First in line for every request: gives it its id and trace, counts and times it by route template, writes one line
 * a request, and keeps the shutdown waiting until it is answered.
 *
 * The route of a mounted middleware is unknown to Express; it names itself by `response.locals.route`.
 */
export function httpMiddleware(service: ServiceContext) {
  const { metrics, logger, shutdown } = service;
  return (request: Request, response: Response, next: NextFunction): void => {
    const context = contextOfHeaders({
      requestId: request.get('x-request-id'),
      traceparent: request.get('traceparent'),
    });
    response.set('x-request-id', context.requestId);
    response.set('x-content-type-options', 'nosniff');
    const began = process.hrtime.bigint();
    const ended = shutdown.requestStarted();
    metrics.httpInFlight.inc();
    response.once('close', () => {
      ended();
      metrics.httpInFlight.dec();
      const seconds = Number(process.hrtime.bigint() - began) / 1e9;
      const labels = {
        method: METHODS.has(request.method) ? request.method : 'other',
        route: routeOf(request, response),
        // 499 as nginx counts it: the caller went away before the answer was whole.
        status: response.writableFinished ? String(response.statusCode) : '499',
      };
      metrics.httpRequests.inc(labels);
      metrics.httpSeconds.observe(labels, seconds);
      const quiet =
        labels.route.startsWith('/health') || (request.method === 'GET' && labels.route.startsWith('/v1/tasks'));
      const fields = { ...labels, path: request.path, ms: Math.round(seconds * 1000) };
      withRequestContext(context, () => logger[quiet ? 'debug' : 'info'](fields, 'request'));
    });
    withRequestContext(context, () => next());
  };
}

/** The template such as /v1/tasks/:id, never the path: ids would make a time series each. */
function routeOf(request: Request, response: Response): string {
  const named: unknown = response.locals.route;
  if (typeof named === 'string') return named;
  const route: unknown = request.route;
  if (typeof route === 'object' && route !== null && 'path' in route && typeof route.path === 'string')
    return route.path;
  return 'unmatched';
}
