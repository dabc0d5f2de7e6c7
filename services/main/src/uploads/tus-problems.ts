import { ProblemError } from '@mediajob/service';
import { ERRORS } from '@tus/server';
import { isDiskFull, UploadError } from './upload-errors.js';

/** Answers of @tus/server as ours: the status it chose and what its text means to the person who uploads. */
const BY_BODY = new Map<string, ProblemError>(
  (
    [
      [
        ERRORS.FILE_NOT_FOUND,
        'upload-not-found',
        'There is no upload of this id, or it has expired. Upload the file again.',
      ],
      [ERRORS.FILE_NO_LONGER_EXISTS, 'upload-not-found', 'This upload has expired. Upload the file again.'],
      [
        ERRORS.INVALID_OFFSET,
        'conflict',
        'Upload-Offset is not where the upload is. Ask for it with HEAD and go on from there.',
      ],
      [ERRORS.MISSING_OFFSET, 'invalid-request', 'Upload-Offset is missing. Send the offset that HEAD answers.'],
      [
        ERRORS.INVALID_CONTENT_TYPE,
        'invalid-request',
        'Content-Type is missing. Send application/offset+octet-stream.',
      ],
      [
        ERRORS.INVALID_LENGTH,
        'invalid-request',
        'Send exactly one of Upload-Length, with the size of the file in bytes, and Upload-Defer-Length: 1.',
      ],
      [ERRORS.INVALID_METADATA, 'invalid-request', ERRORS.INVALID_METADATA.body],
      [ERRORS.ABORTED, 'conflict', 'A newer request for this upload took over. Ask for the offset with HEAD.'],
      [
        ERRORS.ERR_SIZE_EXCEEDED,
        'upload-too-large',
        'More bytes came than Upload-Length says. Ask for the offset with HEAD, or upload the file again.',
      ],
      [
        ERRORS.UNSUPPORTED_CONCATENATION_EXTENSION,
        'invalid-request',
        'Parallel parts of one file are not supported. Send the file in order.',
      ],
    ] as const
  ).map(([error, code, detail]) => [error.body, new ProblemError(code, detail)]),
);

/**
 * What an upload request that failed is answered with.
 *
 * @param status what @tus/server would answer
 * @param error what was thrown, where it was
 * @param body the text that @tus/server would answer
 * @param maxBytes largest upload, for the text of 413
 */
export function uploadProblem(status: number, error: unknown, body: string, maxBytes: number): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof UploadError) {
    const seconds = error.retryAfterSeconds;
    return new ProblemError(error.code, error.message, {
      cause: error.cause,
      ...(seconds === undefined ? {} : { headers: { 'retry-after': String(seconds) } }),
    });
  }
  if (isDiskFull(error)) {
    return new ProblemError('storage-full', 'The disk is full. Free some space on the media volume, then try again.', {
      cause: error,
      headers: { 'retry-after': '60' },
    });
  }
  const known = BY_BODY.get((error as { body?: string } | undefined)?.body ?? body);
  if (known) return new ProblemError(known.code, known.message);
  if (status === 413) {
    return new ProblemError('upload-too-large', `The file is larger than the ${maxBytes} bytes that are allowed here.`);
  }
  if (status === 412) return new ProblemError('precondition-failed', 'Send the header Tus-Resumable: 1.0.0.');
  if (status < 500) return new ProblemError('invalid-request', body.trim() || 'This is not a request of tus 1.0.');
  return new ProblemError('internal', 'The upload failed on our side. What has arrived is kept: go on with it.', {
    cause: error,
  });
}
