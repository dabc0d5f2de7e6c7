import { ExitCode, type FailureReason, type StepFailure } from '@mediajob/contract';
import { MediaError, type MediaErrorCode } from '@mediajob/media';
import { EngineError, type EngineErrorCode, MergeError, ModelError, type ModelErrorCode } from '@mediajob/speech';
import { StorageError, type StorageErrorCode, storageErrorOf } from '@mediajob/storage';

/** The one error that leaves {@link runStep}: what went wrong as exit code, reason and a sentence. */
export class StepError extends Error {
  readonly code: FailureReason;
  readonly failure: StepFailure;

  constructor(failure: StepFailure, options?: ErrorOptions) {
    super(failure.message, options);
    this.name = 'StepError';
    this.failure = { ...failure, message: shortened(failure.message) };
    this.code = failure.reason;
  }
}

type Kind = readonly [exitCode: number, reason: FailureReason];

const invalid: Kind = [ExitCode.InvalidArguments, 'InvalidArguments'];
const unsupported: Kind = [ExitCode.UnsupportedMedia, 'UnsupportedMedia'];
const notFound: Kind = [ExitCode.InputNotFound, 'InputNotFound'];
const device: Kind = [ExitCode.DeviceUnavailable, 'DeviceUnavailable'];
const internal: Kind = [ExitCode.Internal, 'Internal'];
const full: Kind = [ExitCode.StorageFull, 'StorageFull'];
const storage: Kind = [ExitCode.StorageError, 'StorageError'];
const temporary: Kind = [ExitCode.Temporary, 'Temporary'];
const noModel: Kind = [ExitCode.ModelUnavailable, 'ModelNotFound'];
const badModel: Kind = [ExitCode.ModelUnavailable, 'BadChecksum'];
const memory: Kind = [ExitCode.OutOfMemory, 'OutOfMemory'];
const interrupted: Kind = [ExitCode.Interrupted, 'Interrupted'];

/** One table a package: a code that a package adds does not compile until it is decided here. */
const STORAGE: Record<StorageErrorCode, Kind> = {
  'storage-full': full,
  'unsafe-path': invalid,
  'input-not-found': notFound,
  'damaged-document': storage,
  'already-exists': storage,
  'volume-unusable': storage,
  'storage-error': storage,
};

const MEDIA: Record<MediaErrorCode, Kind> = {
  'unsupported-media': unsupported,
  'invalid-arguments': invalid,
  'input-not-found': notFound,
  interrupted,
  stalled: temporary,
  deadline: temporary,
  oom: memory,
  killed: temporary,
  'storage-full': full,
  'storage-error': storage,
  'ffmpeg-missing': internal,
  failed: temporary,
};

const MODEL: Record<ModelErrorCode, Kind> = {
  'unknown-model': invalid,
  'model-missing': noModel,
  'no-source': noModel,
  'bad-checksum': badModel,
  'bad-model': badModel,
  'storage-full': full,
  'storage-error': storage,
  interrupted,
};

const ENGINE: Record<EngineErrorCode, Kind> = {
  'model-not-found': noModel,
  'bad-model': badModel,
  'bad-request': internal,
  'input-not-found': notFound,
  'bad-input': storage,
  'storage-error': storage,
  'engine-missing': internal,
  'device-unavailable': device,
  'out-of-memory': memory,
  crashed: temporary,
  stalled: temporary,
  interrupted,
  closed: interrupted,
  internal,
};

function failure([exitCode, reason]: Kind, message: string): StepFailure {
  return { exitCode, reason, message: shortened(message) };
}

const MESSAGE_MAX = 1024;

function shortened(message: string): string {
  return message.length <= MESSAGE_MAX ? message : `${message.slice(0, MESSAGE_MAX - 1)}…`;
}

/** The failure that any error stands for, by its class; unknown ones are Internal. */
export function failureOf(error: unknown): StepFailure {
  if (error instanceof StepError) return error.failure;
  // An errno that no package has mapped yet (ENOSPC from a library) is a storage error all the same.
  const known = storageErrorOf(error, 'using', 'a file');
  if (known instanceof StorageError) return failure(STORAGE[known.code] ?? storage, known.message);
  if (error instanceof MediaError) return failure(MEDIA[error.code] ?? internal, error.message);
  if (error instanceof ModelError) return failure(MODEL[error.code] ?? internal, error.message);
  if (error instanceof EngineError) return failure(ENGINE[error.code] ?? internal, error.message);
  if (error instanceof MergeError) return failure(storage, error.message);
  if (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')) {
    return failure(interrupted, 'It was asked to stop. What was finished is kept.');
  }
  const message = error instanceof Error ? error.message : String(error);
  return failure(internal, `Something went wrong on our side: ${message}. Look at the log of this run.`);
}

/** Makes the error of a failure that a step itself finds. */
export function stepError(reason: keyof typeof OWN, message: string, cause?: unknown): StepError {
  return new StepError(failure(OWN[reason], message), cause === undefined ? undefined : { cause });
}

const OWN = {
  InvalidArguments: invalid,
  InputNotFound: notFound,
  StorageError: storage,
  Temporary: temporary,
  Internal: internal,
  Interrupted: interrupted,
} as const;
