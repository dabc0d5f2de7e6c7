import { isForbidden, isInvalid, isNotFound, KubeApiError } from '@mediajob/kube';
import { type FieldError, ProblemError } from '@mediajob/service';

/** Nobody, or nobody who works, is at the other end. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof KubeApiError)) return false;
  const { status, reason } = error;
  return (status === 0 && reason !== 'Aborted') || [401, 502, 503, 504].includes(status);
}

/** What was asked for is not done, or nobody knows whether it is: it can be asked for again, later. */
export function isAway(error: unknown): boolean {
  if (isUnreachable(error)) return true;
  return error instanceof KubeApiError && (error.status === 429 || error.status >= 500);
}

/** The object itself is what the server does not take: asking again does not help. */
export function isRefused(error: unknown): boolean {
  return error instanceof KubeApiError && [400, 413, 422].includes(error.status);
}

/** What is wrong with the cluster, for people: what it is, and what to do next. */
export function troubleOf(error: unknown, namespace: string): string {
  if (!(error instanceof KubeApiError)) return 'It could not be asked; see the log.';
  const { status, reason } = error;
  if (status === 401) return 'It does not accept the credentials of this service. Renew its ServiceAccount’s token.';
  if (isForbidden(error)) {
    return `It does not let this service see the MediaJobs of the namespace ${namespace}. Give its ServiceAccount the rights that docs/KUBERNETES.md lists.`;
  }
  if (isNotFound(error)) return 'It knows no MediaJobs. Install their CustomResourceDefinition: k8s/crd.yaml.';
  if (reason === 'Timeout') return 'Its API server did not answer in time. It is tried again by itself.';
  if (status === 0) return 'Its API server cannot be reached. It is tried again by itself.';
  return `Its API server answers with errors (${status} ${reason}). It is tried again by itself.`;
}

/** Why the server does not take an object, in its own words: about fields, quotas and names, never about itself. */
export function refusalOf(error: KubeApiError): string {
  const fields = fieldErrors(error).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  if (fields.length > 0) return fields.join('; ');
  if (/exceeded quota/.test(error.message)) return error.message.slice(error.message.indexOf('exceeded quota'));
  if (isForbidden(error)) return 'this service has not the right to do that';
  if (isNotFound(error)) return 'the cluster knows no MediaJobs, or has no such namespace';
  return `${error.status} ${error.reason}`;
}

/** `causes` of the server, by field. CEL names a rule’s place; a rule of the whole object has no field. */
export function fieldErrors({ details }: KubeApiError): FieldError[] {
  return (details?.causes ?? []).map(({ field, message }) => ({
    path: field === undefined || field === '<nil>' ? '' : field,
    message: message ?? 'is not valid',
  }));
}

/**
 * The problem that a call about one job is answered with.
 *
 * @param doing what was to be done, as the middle of a sentence: `change the job`
 */
export function problemOfCluster(error: unknown, doing: string): unknown {
  if (!(error instanceof KubeApiError)) return error;
  const options = { cause: error };
  if (isAway(error)) {
    // What was sent may have been done: only the answer is missing for certain.
    return new ProblemError(
      'cluster-unavailable',
      `The cluster did not answer when it was asked to ${doing}. Look at the job in a moment; if it is as before, try again.`,
      { ...options, headers: { 'retry-after': '5' } },
    );
  }
  if (isNotFound(error)) {
    return new ProblemError('job-not-found', 'The job is gone from the cluster. Look at the list of jobs.', options);
  }
  if (isForbidden(error)) {
    return new ProblemError(
      'forbidden',
      `The cluster does not allow to ${doing}: ${refusalOf(error)}. Ask its administrator.`,
      options,
    );
  }
  if (error.status === 409) {
    return new ProblemError(
      'conflict',
      `The job was changed in the cluster at the same moment, so nobody could ${doing}. Look at it, then try again.`,
      options,
    );
  }
  if (isInvalid(error) || isRefused(error)) {
    const errors = fieldErrors(error);
    return new ProblemError(
      'validation-failed',
      `The cluster refuses to ${doing}: ${refusalOf(error)}. Mend the fields named in errors and send it again.`,
      { ...options, ...(errors.length > 0 ? { errors } : {}) },
    );
  }
  return error;
}
