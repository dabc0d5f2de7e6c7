import type { StepRequest, StepResult } from '@mediajob/contract';
import { cleanup } from './cleanup.js';
import type { StepContext } from './context.js';
import { convert } from './convert.js';
import { failureOf, StepError } from './failure.js';
import { finalize } from './finalize.js';
import { render } from './render.js';
import { transcribe } from './transcribe.js';

/**
 * Runs one step of a job: what a service's task and a Kubernetes Job both do. Idempotent: a step that is finished
 * gives its result again, one that was cut off goes on where it was.
 * @throws StepError, and nothing else; an aborted signal gives Interrupted
 */
export async function runStep(request: StepRequest, context: StepContext): Promise<StepResult> {
  try {
    context.signal.throwIfAborted();
    const result = await dispatch(request, context);
    context.progress({ fraction: 1 });
    return result;
  } catch (error) {
    throw stepErrorOf(error, request, context);
  }
}

function dispatch(request: StepRequest, context: StepContext): Promise<StepResult> {
  switch (request.stage) {
    case 'convert':
      return convert(request, context);
    case 'transcribe':
      return transcribe(request, context);
    case 'finalize':
      return finalize(request, context);
    case 'render':
      return render(request, context);
    case 'cleanup':
      return cleanup(request, context);
  }
}

function stepErrorOf(error: unknown, request: StepRequest, context: StepContext): StepError {
  // Whatever broke because it was told to stop, broke for that reason.
  const failure = context.signal.aborted ? failureOf(new DOMException('stopped', 'AbortError')) : failureOf(error);
  const fields = { stage: request.stage, jobId: request.jobId, runId: request.runId, ...failure };
  if (failure.reason === 'Interrupted') context.log.info(fields, 'step stopped');
  else context.log.error({ ...fields, err: error }, 'step failed');
  return error instanceof StepError && error.failure === failure ? error : new StepError(failure, { cause: error });
}
