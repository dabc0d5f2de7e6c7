import { ProblemError } from '@mediajob/service';
import { EngineError, ModelError } from '@mediajob/speech';
import { pullCommand } from './pull-command.js';

/** The answer for an error of models and engines; others are left to the general rules. */
export function speechProblemOf(error: unknown, model: string): unknown {
  if (error instanceof ModelError) {
    switch (error.code) {
      case 'unknown-model':
        return new ProblemError('not-found', error.message, { cause: error });
      case 'model-missing':
        return new ProblemError('model-missing', `The model ${model} is not installed. ${pullCommand(model)}`, {
          cause: error,
        });
      case 'bad-model':
      case 'bad-checksum':
        return new ProblemError(
          'model-missing',
          `The model ${model} is damaged. Remove it, then: ${pullCommand(model)}`,
          {
            cause: error,
          },
        );
      default:
        return error;
    }
  }
  if (error instanceof EngineError) {
    const headers = { 'retry-after': '10' };
    switch (error.code) {
      case 'engine-missing':
      case 'device-unavailable':
        return new ProblemError('worker-unavailable', error.message, { cause: error, headers });
      case 'closed':
      case 'interrupted':
      case 'crashed':
      case 'stalled':
      case 'out-of-memory':
        return new ProblemError('busy', 'The engine could not finish this. Try again shortly.', {
          cause: error,
          headers,
        });
      default:
        return error;
    }
  }
  return error;
}
