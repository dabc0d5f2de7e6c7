/** Why a model could not be had; stable words that steps and the API translate into exit codes and problems. */
export type ModelErrorCode =
  | 'unknown-model'
  | 'model-missing'
  | 'bad-checksum'
  | 'bad-model'
  | 'no-source'
  | 'storage-full'
  | 'storage-error'
  | 'interrupted';

/** An error of the model catalog and store. The message says what was wrong and what to do next. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
