import { ExitCode, StepFailure } from '@mediajob/contract';

/** A run that was stopped with its service: tried again, uncounted. */
export function interrupted(): StepFailure {
  return {
    exitCode: ExitCode.Interrupted,
    reason: 'Interrupted',
    message: 'The worker was shut down; what was finished is kept, and the run is started again elsewhere.',
  };
}

/** How an error counts: what it says itself as `failure`, else as an error of ours. */
export function failureOf(error: unknown): StepFailure {
  const own = StepFailure.safeParse(
    typeof error === 'object' && error !== null && 'failure' in error ? error.failure : undefined,
  );
  if (own.success) return own.data;
  const text = error instanceof Error ? error.message : String(error);
  return { exitCode: ExitCode.Internal, reason: 'Internal', message: `Unexpected error: ${text}`.slice(0, 1024) };
}
