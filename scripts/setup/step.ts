/** A set-up step that failed: what happened, and the command that mends it. */
export class SetupError extends Error {
  readonly mend: string;

  constructor(message: string, mend: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SetupError';
    this.mend = mend;
  }
}

/** Set-up talks on stderr: stdout belongs to the transcript. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A disk that is full or a place that cannot be written has the same answer in every step. */
export function explainSystemError(error: unknown): SetupError | undefined {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new SetupError('the disk is full', 'free some space and run this again; it goes on where it stopped', {
      cause: error,
    });
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return new SetupError(
      `${path ?? 'a directory'} cannot be written`,
      'give this user the right to, or set MEDIAJOB_CACHE_DIR to a directory of yours',
      {
        cause: error,
      },
    );
  return undefined;
}
