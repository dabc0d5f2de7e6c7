import type { StageName } from '@mediajob/contract';
import { KubeApiError } from '@mediajob/kube';
import { STAGE_WORDS, sentence, type Waiting } from '@mediajob/pipeline';
import { refusal } from './waiting.js';

/**
 * Why the API server did not take a Job, when that is worth telling: it is told in the status, and tried again later.
 * undefined: nothing is known (no answer, too many requests); the whole reconcile is tried again instead.
 */
export function refusedStart(error: unknown, stage: StageName, jobName: string): Waiting | undefined {
  if (!(error instanceof KubeApiError)) return undefined;
  const what = STAGE_WORDS[stage];
  const said = serverText(error);
  if (isNamespaceTerminating(error)) {
    return { reason: 'PodRefused', message: `The namespace is being deleted, so nothing is started in it any more.` };
  }
  if (error.status === 403) return refusal(what, said);
  if (error.status === 422 || error.status === 400) {
    return {
      reason: 'PodRefused',
      message: `The API server does not take the Job ${jobName}: ${sentence(said)} An administrator has to mend the profile, or what refuses it; then it goes on by itself.`,
    };
  }
  if (error.status >= 500) {
    return {
      reason: 'WaitingForWorker',
      message: `The Job of the ${what} could not be made; it is tried again. The API server said: ${sentence(said)}`,
    };
  }
  return undefined;
}

export function nameConflict(jobName: string): Waiting {
  return {
    reason: 'NameConflict',
    message: `There is a Job ${jobName} that belongs to something else. Delete it, or make a new job with another name; this is looked at again.`,
  };
}

export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof KubeApiError &&
    error.status === 403 &&
    (error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') === true ||
      error.message.includes('because it is being terminated'))
  );
}

/** What the server said, without what was asked. */
function serverText({ message }: KubeApiError): string {
  return /was answered with \d+ \w+: (.+)$/s.exec(message)?.[1] ?? message;
}
