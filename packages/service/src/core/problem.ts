import { PROBLEMS, type Problem, type ProblemCode } from '@mediajob/contract';
import type { z } from 'zod';

export interface FieldError {
  path: string;
  message: string;
}

/**
 * An answer that is an error. `detail` says what was wrong, where, and what to do next; the caller reads it, so it
 * never carries paths of this machine, secrets or a cause's text. The cause goes to the log only.
 */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly status: number;
  readonly errors: FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    options: { errors?: FieldError[]; cause?: unknown; headers?: Record<string, string> | undefined } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }
}

/** The body of RFC 9457 for a problem; `instance` is the request id, as in the logs. */
export function problemBody(problem: ProblemError, instance: string | undefined): Problem {
  return {
    type: `urn:mediajob:problem:${problem.code}`,
    title: PROBLEMS[problem.code].title,
    status: problem.status,
    code: problem.code,
    detail: problem.message,
    ...(instance === undefined ? {} : { instance }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
}

/** What zod and other Standard Schema libraries report. */
interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** validation-failed with one entry a field: `spec.source.path`, `formats.0`. */
export function validationProblem(issues: readonly Issue[]): ProblemError {
  const errors = issues.slice(0, 50).map((issue) => ({
    path: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
    message: issue.message,
  }));
  const [first] = errors;
  const where = first?.path ? `“${first.path}” ` : '';
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return new ProblemError(
    'validation-failed',
    `${where}${first?.message ?? 'The request is not valid'}${more}. Mend the fields named in errors and send it again.`,
    { errors },
  );
}

/**
 * Parses what a caller sent.
 *
 * @throws ProblemError validation-failed, with one entry a field
 */
export function parseRequest<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw validationProblem(parsed.error.issues);
  return parsed.data;
}

/** Errors of packages/storage and of the system, known by their `code`, that are answers to a caller. */
const KNOWN: Readonly<Record<string, { code: ProblemCode; detail: string; headers?: Record<string, string> }>> = {
  'storage-full': {
    code: 'storage-full',
    detail: 'The disk is full. Free space on the media volume, then try again.',
    headers: { 'retry-after': '60' },
  },
  'unsafe-path': {
    code: 'validation-failed',
    detail: 'The path leaves the media volume or crosses a link. Name a file below uploads/ or inbox/ itself.',
  },
  'input-not-found': {
    code: 'not-found',
    detail:
      'There is no such file on the media volume. Check the path; an upload that no job names is removed in time.',
  },
};
const ALIASES: Readonly<Record<string, string>> = { ENOSPC: 'storage-full', EDQUOT: 'storage-full' };

/**
 * The problem that any error is answered with. What is not known is opaque: its text may hold paths of this machine
 * and is for the log only.
 */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = KNOWN[ALIASES[code] ?? code];
  if (known !== undefined) return new ProblemError(known.code, known.detail, { cause: error, headers: known.headers });
  return new ProblemError(
    'internal',
    'Something went wrong on our side. Try again; if it stays, look for this instance in the logs.',
    { cause: error },
  );
}
