import type { Request, Response } from 'express';

/**
 * Aborted when the client of a long request has gone. The request may be silent as long as its work takes: the limit for
 * silent connections is lifted.
 */
export function goneSignal(request: Request, response: Response): AbortSignal {
  request.setTimeout(0);
  const gone = new AbortController();
  response.once('close', () => gone.abort(new Error('the client went away')));
  return gone.signal;
}
