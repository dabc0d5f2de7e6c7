/**
 * Why media work failed. Each code asks for another reaction:
 *
 * - `unsupported-media`: the file cannot be used, now or later;
 * - `invalid-arguments`: what was asked for cannot be had from this file (a track that is not there);
 * - `input-not-found`: the file is not where it should be;
 * - `interrupted`: the caller's AbortSignal stopped it;
 * - `stalled`, `deadline`: ffmpeg was stopped because it made no progress, or took far too long;
 * - `oom`: ffmpeg got a SIGKILL that was not ours: on Linux nearly always the kernel, out of memory;
 * - `killed`: ffmpeg got another signal (a crash, too);
 * - `storage-full`, `storage-error`: the disk, not the media;
 * - `ffmpeg-missing`: the program cannot be started;
 * - `failed`: everything else.
 */
export const MEDIA_ERROR_CODES = [
  'unsupported-media',
  'invalid-arguments',
  'input-not-found',
  'interrupted',
  'stalled',
  'deadline',
  'oom',
  'killed',
  'storage-full',
  'storage-error',
  'ffmpeg-missing',
  'failed',
] as const;
export type MediaErrorCode = (typeof MEDIA_ERROR_CODES)[number];

/** What is wrong with a file, where the code is `unsupported-media` or `invalid-arguments`. */
export type MediaProblem =
  | 'empty'
  | 'truncated'
  | 'text'
  | 'playlist'
  | 'archive'
  | 'image'
  | 'document'
  | 'program'
  | 'encrypted'
  | 'no-audio'
  | 'no-such-track'
  | 'unknown-codec'
  | 'unknown-format'
  | 'nothing-decodes'
  | 'too-long';

/** Every error of this package. `message` says what was wrong and what to do next, and never holds a file's path. */
export class MediaError extends Error {
  override readonly name = 'MediaError';
  readonly code: MediaErrorCode;
  readonly problem: MediaProblem | undefined;
  /** What ffmpeg said, where it had a part in it: for logs. */
  readonly log: readonly string[];

  constructor(
    code: MediaErrorCode,
    message: string,
    options: { cause?: unknown; problem?: MediaProblem; log?: readonly string[] } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.problem = options.problem;
    this.log = options.log ?? [];
  }
}

/** Shorthand for the most frequent kind: this file will never work. */
export function unsupported(
  problem: MediaProblem,
  message: string,
  options: { cause?: unknown; log?: readonly string[] } = {},
): MediaError {
  return new MediaError('unsupported-media', message, { problem, ...options });
}

/** Turns an error of node:fs on the given file into a MediaError. */
export function storageErrorOf(error: unknown, what: string): MediaError {
  if (error instanceof MediaError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new MediaError('input-not-found', `${what} is not there. Upload it again, or correct its path.`, {
        cause: error,
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return new MediaError('storage-full', `The disk is full: ${what} could not be written. Free some space.`, {
        cause: error,
      });
    default:
      return new MediaError(
        'storage-error',
        `${what} could not be read or written (${String(code ?? error)}). Check the media volume and its permissions.`,
        { cause: error },
      );
  }
}

/** The program cannot be started. */
export function ffmpegMissing(cause: Error): MediaError {
  return new MediaError(
    'ffmpeg-missing',
    `ffmpeg could not be started (${cause.message.split('\n')[0]}). Install it, for example by "apt-get install ffmpeg", or set MEDIAJOB_FFMPEG.`,
    { cause },
  );
}
