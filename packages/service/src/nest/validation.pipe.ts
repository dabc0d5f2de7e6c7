import { StandardSchemaValidationPipe } from '@nestjs/common';
import { validationProblem } from '../core/problem.js';

/**
 * Validates every parameter that names a schema, as `@Body({ schema: CreateJob })` and
 * `@Param('id', { schema: JobId })` do, and hands over the parsed value (with defaults).
 * A wrong one is answered 422 validation-failed with one entry a field.
 */
export function validationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({ exceptionFactory: (issues) => validationProblem(issues) });
}
