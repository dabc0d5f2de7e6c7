import { z } from 'zod';

/**
 * Problem codes of RFC 9457 bodies: stable, documented, and keys of the page's dictionaries.
 * Each has the HTTP status it is sent with and a title in English.
 */
export const PROBLEMS = {
  'invalid-request': { status: 400, title: 'The request is not understood' },
  'validation-failed': { status: 422, title: 'A field is not valid' },
  unauthorized: { status: 401, title: 'You are not signed in' },
  forbidden: { status: 403, title: 'This is not allowed' },
  'cross-site-refused': { status: 403, title: 'A request from another site was refused' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'job-not-found': { status: 404, title: 'There is no such job' },
  'upload-not-found': { status: 404, title: 'There is no such upload' },
  'output-not-found': { status: 404, title: 'There is no such file among the outputs' },
  'task-not-found': { status: 404, title: 'This instance knows no such task' },
  'transcript-not-ready': { status: 404, title: 'There is no transcript yet' },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here' },
  conflict: { status: 409, title: 'This does not fit the present state' },
  'task-differs': { status: 409, title: 'A task of this id exists with another content' },
  'job-exists': { status: 409, title: 'A job of this name exists with another content' },
  'upload-incomplete': { status: 409, title: 'The upload is not complete' },
  'models-read-only': { status: 409, title: 'Models are read-only here' },
  'precondition-failed': { status: 412, title: 'It was changed in between' },
  'body-too-large': { status: 413, title: 'The request is larger than allowed' },
  'upload-too-large': { status: 413, title: 'The file is larger than allowed' },
  'unsupported-media': { status: 415, title: 'This is not audio or video that we can read' },
  'range-not-satisfiable': { status: 416, title: 'There is no such range' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong on our side' },
  'worker-failed': { status: 502, title: 'A worker answered what was not expected' },
  'worker-unavailable': { status: 503, title: 'The worker for this is not there now' },
  'cluster-unavailable': { status: 503, title: 'The cluster does not answer now' },
  busy: { status: 503, title: 'Busy; try again shortly' },
  'no-leader': { status: 503, title: 'Nobody leads at the moment' },
  'shutting-down': { status: 503, title: 'This instance is shutting down' },
  'model-missing': { status: 503, title: 'The model is not installed' },
  'storage-full': { status: 507, title: 'The disk is full' },
} as const satisfies Record<string, { status: number; title: string }>;
export type ProblemCode = keyof typeof PROBLEMS;
export const PROBLEM_CODES = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]];

/** Body of every error answer, application/problem+json. */
export const Problem = z.strictObject({
  type: z.string().describe('urn:mediajob:problem:<code>'),
  title: z.string(),
  status: z.int(),
  code: z.enum(PROBLEM_CODES),
  detail: z.string().describe('What was wrong, where, and what to do next.'),
  instance: z.string().optional().describe('The request id, as in the logs.'),
  errors: z
    .array(z.strictObject({ path: z.string(), message: z.string() }))
    .optional()
    .describe('One entry for each field that is not valid.'),
});
export type Problem = z.infer<typeof Problem>;
