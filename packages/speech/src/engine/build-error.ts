/** The engine could not be compiled. `mend` is the command that helps, when one is known. */
export class BuildError extends Error {
  readonly code: 'tool-missing' | 'library-missing' | 'compile-failed' | 'interrupted';
  readonly mend: string | undefined;

  constructor(code: BuildError['code'], message: string, options?: ErrorOptions & { mend?: string }) {
    super(message, options);
    this.name = 'BuildError';
    this.code = code;
    this.mend = options?.mend;
  }
}
