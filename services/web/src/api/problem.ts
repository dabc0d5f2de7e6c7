import type { Problem, ProblemCode } from '@mediajob/contract';

/** `unreachable`: no answer came at all. `unknown`: an answer that is not ours, of a proxy for instance. */
export type ApiErrorCode = ProblemCode | 'unreachable' | 'unknown';

/** A request that did not succeed. `message` is the server's sentence, in English; the page's own words follow `code`. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  /** HTTP status; 0 without an answer. */
  readonly status: number;
  readonly requestId: string | undefined;
  /** What the server asks to wait before the next try, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ApiErrorCode,
    message: string,
    options: {
      status?: number;
      requestId?: string | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.status = options.status ?? 0;
    this.requestId = options.requestId;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Whether the same request may succeed later without anybody changing it. */
  get temporary(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** The error that an answer stands for; `retryAfter` is the value of its Retry-After header. */
export function apiErrorOf(status: number, body: string, retryAfter: string | null = null): ApiError {
  const seconds = Number(retryAfter ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  const problem = parseProblem(body);
  if (problem === undefined) return new ApiError('unknown', `HTTP ${status}`, { status, retryAfterMs });
  return new ApiError(problem.code, problem.detail, { status, requestId: problem.instance, retryAfterMs });
}

function parseProblem(body: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null) return undefined;
    return 'code' in value && 'detail' in value ? (value as Problem) : undefined;
  } catch {
    return undefined;
  }
}
