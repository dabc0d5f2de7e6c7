import type { IncomingMessage } from 'node:http';
import { PROGRESS_REPORT_MAX_BYTES, ProgressReport } from '@mediajob/contract';
import { ProblemError, parseRequest } from '@mediajob/service';

/**
 * The token of a request.
 * @throws ProblemError unauthorized
 */
export function bearerOf(request: IncomingMessage): string {
  const [, token] = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) throw unauthorized('There is no token.');
  return token;
}

export function unauthorized(what: string): ProblemError {
  return new ProblemError('unauthorized', `${what} Send the pod’s projected token as Authorization: Bearer.`, {
    headers: { 'www-authenticate': 'Bearer' },
  });
}

/**
 * Reads a report, never more than it may have.
 * @throws ProblemError body-too-large, invalid-request, validation-failed; the request's own error when it breaks off
 */
export async function readReport(request: IncomingMessage): Promise<ProgressReport> {
  const text = await readText(request);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ProblemError('invalid-request', 'The body is not JSON. Send {"runId": …, "progress": {"fraction": …}}.', {
      cause: error,
    });
  }
  return parseRequest(ProgressReport, value);
}

/** By its events: whoever leaves off iterating a request destroys its connection, and the answer with it. */
function readText(request: IncomingMessage): Promise<string> {
  if (Number(request.headers['content-length'] ?? 0) > PROGRESS_REPORT_MAX_BYTES) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.byteLength;
      if (bytes <= PROGRESS_REPORT_MAX_BYTES) pieces.push(piece);
      else reject(tooLarge());
    });
    request.on('end', () => resolve(Buffer.concat(pieces).toString('utf8')));
    request.on('error', reject);
  });
}

function tooLarge(): ProblemError {
  return new ProblemError(
    'body-too-large',
    `A report has at most ${PROGRESS_REPORT_MAX_BYTES} bytes. Send the newest progress alone.`,
  );
}
