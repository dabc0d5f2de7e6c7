/**
 * Why the engine could not do something. Each code stays the same across versions:
 * - `engine-missing`: the program is not there or cannot be started.
 * - `model-not-found`, `bad-model`: the model file.
 * - `bad-request`: the request can never work as it is.
 * - `input-not-found`, `bad-input`, `storage-error`: the WAV file: not there, not what it should be, not readable now.
 * - `device-unavailable`: a GPU was asked for and cannot be used.
 * - `out-of-memory`: an allocation failed, or the process was killed by a SIGKILL that was not ours.
 * - `crashed`: the process ended while it was decoding; the next request starts a new one.
 * - `stalled`: no sign of life within the deadline; the process was killed.
 * - `interrupted`: the caller's signal.
 * - `closed`: the engine was closed.
 * - `internal`: a bug; the message says where.
 */
export type EngineErrorCode =
  | 'engine-missing'
  | 'model-not-found'
  | 'bad-model'
  | 'bad-request'
  | 'input-not-found'
  | 'bad-input'
  | 'storage-error'
  | 'device-unavailable'
  | 'out-of-memory'
  | 'crashed'
  | 'stalled'
  | 'interrupted'
  | 'closed'
  | 'internal';

export class EngineError extends Error {
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.code = code;
  }
}
