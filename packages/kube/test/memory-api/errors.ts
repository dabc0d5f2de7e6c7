import { KubeApiError, type StatusDetails } from '../../src/error.js';
import type { Kind } from '../../src/kind.js';
import type { KubeObject } from '../../src/object.js';

type AnyKind = Kind<KubeObject>;

const resource = ({ plural, group }: AnyKind) => (group === '' ? plural : `${plural}.${group}`);

export function refused(status: number, reason: string, message: string, details?: StatusDetails): KubeApiError {
  return new KubeApiError(message, { status, reason, ...(details === undefined ? {} : { details }) });
}

export function notFound(kind: AnyKind, name: string): KubeApiError {
  return refused(404, 'NotFound', `${resource(kind)} "${name}" not found`, { name, group: kind.group });
}

export function alreadyExists(kind: AnyKind, name: string): KubeApiError {
  return refused(409, 'AlreadyExists', `${resource(kind)} "${name}" already exists`, { name, group: kind.group });
}

export function conflict(kind: AnyKind, name: string, why: string): KubeApiError {
  return refused(409, 'Conflict', `Operation cannot be fulfilled on ${resource(kind)} "${name}": ${why}`, { name });
}

export function invalid(kind: AnyKind, name: string, why: string, field?: string): KubeApiError {
  const causes = field === undefined ? [] : [{ reason: 'FieldValueInvalid', message: why, field }];
  const message = `${kind.kind} "${name}" is invalid: ${field === undefined ? '' : `${field}: `}${why}`;
  return refused(422, 'Invalid', message, { name, kind: kind.kind, causes });
}

/** Fields that would change and belong to somebody else. */
export function applyConflict(
  conflicts: readonly { readonly manager: string; readonly field: string }[],
): KubeApiError {
  const causes = conflicts.map(({ manager, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}"`,
    field,
  }));
  const list = causes.map(({ message, field }) => `${message}: ${field}`).join(', ');
  return refused(409, 'Conflict', `Apply failed with ${causes.length} conflicts: ${list}`, { causes });
}

export function badRequest(why: string): KubeApiError {
  return refused(400, 'BadRequest', why);
}

export function expired(why: string): KubeApiError {
  return refused(410, 'Expired', why);
}

/** Nothing was answered: the connection was refused or broken. */
export function unreachable(): KubeApiError {
  return new KubeApiError('The server cannot be reached.', { status: 0, reason: 'Unreachable' });
}

export function aborted(cause: unknown): KubeApiError {
  return new KubeApiError('The call was aborted.', { status: 0, reason: 'Aborted', cause });
}

export function timedOut(ms: number): KubeApiError {
  return new KubeApiError(`The server did not answer within ${ms} ms.`, { status: 0, reason: 'Timeout' });
}
