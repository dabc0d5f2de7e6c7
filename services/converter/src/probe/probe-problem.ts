import { MediaError } from '@mediajob/media';
import { ProblemError } from '@mediajob/service';

/** The answer for an error of a probe; errors that are not of media are left to the general rules. */
export function probeProblemOf(error: unknown): unknown {
  if (!(error instanceof MediaError)) return error;
  const options = {
    cause: error,
    ...(error.problem === undefined ? {} : { errors: [{ path: 'source', message: error.problem }] }),
  };
  switch (error.code) {
    case 'unsupported-media':
      return new ProblemError('unsupported-media', error.message, options);
    case 'invalid-arguments':
      return new ProblemError('validation-failed', error.message, {
        cause: error,
        errors: [{ path: 'audioTrack', message: error.message }],
      });
    case 'input-not-found':
      return new ProblemError('not-found', error.message, options);
    case 'storage-full':
      return new ProblemError('storage-full', error.message, options);
    case 'ffmpeg-missing':
      return new ProblemError('worker-unavailable', error.message, { ...options, headers: { 'retry-after': '60' } });
    case 'stalled':
    case 'deadline':
    case 'interrupted':
    case 'oom':
    case 'killed':
      return new ProblemError('busy', `${error.message} Try again shortly.`, {
        ...options,
        headers: { 'retry-after': '10' },
      });
    default:
      return error;
  }
}

/** Files of these kinds do not come by mistake under a media name: a playlist reads other people's files. */
export function isRefusedAsAttack(error: unknown): error is MediaError {
  return error instanceof MediaError && (error.problem === 'playlist' || error.problem === 'program');
}
