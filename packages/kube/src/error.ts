/** `Status.details` of the API server. */
export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly retryAfterSeconds?: number;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
}

/** Reasons of ours beside the server's own: nothing was answered. */
export type LocalReason = 'Timeout' | 'Unreachable' | 'Aborted' | 'InvalidAnswer';

/**
 * An answer that is not 2xx, or none at all. The message is a sentence without headers or bodies, so that it can be
 * logged. `status` is 0 when nothing was answered.
 */
export class KubeApiError extends Error {
  override readonly name = 'KubeApiError';
  readonly status: number;
  /** The server's `reason` (NotFound, AlreadyExists, Conflict, Expired, TooManyRequests, …) or a {@link LocalReason}. */
  readonly reason: string;
  /** ms that the server asked to wait. */
  readonly retryAfterMs: number | undefined;
  readonly details: StatusDetails | undefined;

  constructor(
    message: string,
    fields: { status: number; reason: string; retryAfterMs?: number; details?: StatusDetails; cause?: unknown },
  ) {
    super(message, { cause: fields.cause });
    this.status = fields.status;
    this.reason = fields.reason;
    this.retryAfterMs = fields.retryAfterMs;
    this.details = fields.details;
  }
}

const has = (error: unknown, ...reasons: string[]): boolean =>
  error instanceof KubeApiError && reasons.includes(error.reason);

export const isNotFound = (error: unknown): boolean => error instanceof KubeApiError && error.status === 404;
export const isAlreadyExists = (error: unknown): boolean => has(error, 'AlreadyExists');
export const isConflict = (error: unknown): boolean => has(error, 'Conflict');
/** The resourceVersion is too old: list again. */
export const isExpired = (error: unknown): boolean =>
  has(error, 'Expired', 'Gone') || (error instanceof KubeApiError && error.status === 410);
export const isForbidden = (error: unknown): boolean => error instanceof KubeApiError && error.status === 403;
export const isInvalid = (error: unknown): boolean => error instanceof KubeApiError && error.status === 422;
export const isAborted = (error: unknown): boolean => has(error, 'Aborted');
