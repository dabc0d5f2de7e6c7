import type { ProblemCode } from '@mediajob/contract';

/** Why an upload request ends without success. The code is that of the problem it is answered with. */
export class UploadError extends Error {
  override readonly name: string = 'UploadError';
  readonly code: ProblemCode;
  /** Seconds after which a try may succeed, for `Retry-After`. */
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, message: string, options: { cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Another request deals with the same upload and does not end. */
export class UploadBusyError extends UploadError {
  override readonly name = 'UploadBusyError';
  constructor(message: string) {
    super('busy', message, { retryAfterSeconds: 1 });
  }
}

/** The upload is not there: never made, removed, or expired. */
export class UploadNotFoundError extends UploadError {
  override readonly name = 'UploadNotFoundError';
  constructor() {
    super('upload-not-found', 'There is no upload of this id, or it has expired. Upload the file again.');
  }
}

/** No room: what has arrived is kept, and the upload goes on when there is room again. */
export class UploadStorageFullError extends UploadError {
  override readonly name = 'UploadStorageFullError';
  constructor(message: string, cause?: unknown) {
    super('storage-full', message, { cause, retryAfterSeconds: 60 });
  }
}

/** Certainly not audio or video. */
export class NotMediaError extends UploadError {
  override readonly name = 'NotMediaError';
  readonly mediaType: string | undefined;
  constructor(message: string, mediaType?: string) {
    super('unsupported-media', message);
    this.mediaType = mediaType;
  }
}

/** ENOSPC and EDQUOT, whoever reports them. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'storage-full';
}
