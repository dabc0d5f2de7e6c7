/**
 * Exit codes of every step: public, documented, and what retries and podFailurePolicy follow.
 * The numbers are those of BSD's sysexits.h where one fits, and 128 + signal for signals.
 */
export const ExitCode = {
  Succeeded: 0,
  InvalidArguments: 64,
  UnsupportedMedia: 65,
  InputNotFound: 66,
  DeviceUnavailable: 69,
  Internal: 70,
  StorageFull: 73,
  StorageError: 74,
  Temporary: 75,
  ModelUnavailable: 78,
  OutOfMemory: 137,
  Interrupted: 143,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Why a run ended; one word that stays the same across versions. */
export const FAILURE_REASONS = [
  'InvalidArguments',
  'UnsupportedMedia',
  'InputNotFound',
  'DeviceUnavailable',
  'StorageFull',
  'StorageError',
  'Temporary',
  'ModelNotFound',
  'BadChecksum',
  'OutOfMemory',
  'Interrupted',
  'DeadlineExceeded',
  'WorkerLost',
  'Killed',
  'Internal',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** What decide() does about an exit code. */
export type RetryPolicy = 'done' | 'fail' | 'retry' | 'retry-uncounted' | 'wait-storage' | 'wait-model';

const REASON_OF_CODE: Record<number, FailureReason> = {
  64: 'InvalidArguments',
  65: 'UnsupportedMedia',
  66: 'InputNotFound',
  69: 'DeviceUnavailable',
  70: 'Internal',
  73: 'StorageFull',
  74: 'StorageError',
  75: 'Temporary',
  78: 'ModelNotFound',
  137: 'OutOfMemory',
  143: 'Interrupted',
};

/** The reason a bare exit code stands for, when the run left no better one. */
export function reasonOfExitCode(code: number): FailureReason {
  return REASON_OF_CODE[code] ?? (code > 128 ? 'Killed' : 'Internal');
}

/** The table of DESIGN "Exit codes": BadChecksum shares 78 with ModelNotFound but never mends itself. */
export function retryPolicyOf(code: number, reason: FailureReason = reasonOfExitCode(code)): RetryPolicy {
  if (code === ExitCode.Succeeded) return 'done';
  if (reason === 'BadChecksum') return 'fail';
  switch (code) {
    case ExitCode.InvalidArguments:
    case ExitCode.UnsupportedMedia:
    case ExitCode.InputNotFound:
      return 'fail';
    case ExitCode.StorageFull:
      return 'wait-storage';
    case ExitCode.ModelUnavailable:
      return 'wait-model';
    case ExitCode.Interrupted:
      return 'retry-uncounted';
    default:
      return 'retry';
  }
}
