import type { IncomingHttpHeaders } from 'node:http';
import { KubeApiError, type StatusDetails } from './error.js';
import { KubeConfigError } from './server-access.js';

/** `metav1.Status`, as far as it is read. */
interface Status {
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly details?: StatusDetails;
}

const MAX_MESSAGE_CHARACTERS = 1024;

/** What client-go calls an answer without a Status, such as a proxy's. */
const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/**
 * Of an answer that is not 2xx.
 *
 * @param request such as `GET /api/v1/pods`, for the message
 * @param body as it came; nothing of it but the fields of a Status gets into the error
 */
export function errorOfAnswer(
  request: string,
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
): KubeApiError {
  return errorOfStatus(request, parsedStatus(body) ?? {}, status, retryAfterMs(headers['retry-after']));
}

/** Of the `object` of a watch's ERROR line. */
export function errorOfWatch(request: string, status: unknown): KubeApiError {
  const known: Status = typeof status === 'object' && status !== null ? status : {};
  return errorOfStatus(request, known, typeof known.code === 'number' ? known.code : 500, undefined);
}

function errorOfStatus(
  request: string,
  { message, reason, details }: Status,
  status: number,
  retryAfter: number | undefined,
): KubeApiError {
  const name = typeof reason === 'string' && reason !== '' ? reason : (REASONS[status] ?? `Status${status}`);
  const text = typeof message === 'string' && message !== '' ? `: ${shortened(message)}` : '';
  const wait = retryAfter ?? (details?.retryAfterSeconds === undefined ? undefined : details.retryAfterSeconds * 1000);
  return new KubeApiError(`${request} was answered with ${status} ${name}${text}`, {
    status,
    reason: name,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(details === undefined ? {} : { details }),
  });
}

function parsedStatus(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'kind' in parsed && parsed.kind === 'Status'
      ? (parsed as Status)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds only: the API server sends no dates, and those of a proxy depend on its clock. */
function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header.trim()) ? Number(header) * 1000 : undefined;
}

function shortened(message: string): string {
  return message.length <= MAX_MESSAGE_CHARACTERS ? message : `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…`;
}

export function invalidAnswer(request: string, what: string, status: number, cause?: unknown): KubeApiError {
  return new KubeApiError(`${request}: the answer ${what}`, { status, reason: 'InvalidAnswer', cause });
}

export function timedOut(request: string, what: string): KubeApiError {
  return new KubeApiError(`${request}: ${what}`, { status: 0, reason: 'Timeout' });
}

export function aborted(request: string, signal: AbortSignal | undefined): KubeApiError {
  return new KubeApiError(`${request} was aborted`, { status: 0, reason: 'Aborted', cause: signal?.reason });
}

/** Of an error of the network or of TLS. Its code says what happened; its own text may name addresses and is a cause. */
export function unreachable(request: string, cause: unknown): KubeApiError {
  const code = codeOf(cause);
  if (code !== undefined && TIMEOUTS.has(code)) return timedOut(request, `no answer came in time (${code})`);
  const why = cause instanceof KubeConfigError ? `: ${cause.message}` : code === undefined ? '' : ` (${code})`;
  return new KubeApiError(`${request}: the API server cannot be reached${why}`, {
    status: 0,
    reason: 'Unreachable',
    cause,
  });
}

const TIMEOUTS = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error.cause);
}
