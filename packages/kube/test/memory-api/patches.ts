import { isRecord, sameJson } from '../../src/equal.js';
import { refused } from './errors.js';

/** RFC 7386. */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = mergePatched(result[key], value);
  }
  return result;
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/**
 * RFC 6902: add, remove, replace and test.
 *
 * @throws KubeApiError Invalid (422) as the server does, also when a test fails
 */
export function jsonPatched(target: unknown, operations: readonly object[]): unknown {
  const result = structuredClone(target);
  for (const operation of operations as readonly Operation[]) {
    const path = operation.path.split('/').slice(1).map(unescaped);
    if (path.length === 0) throw unprocessable('the whole document cannot be patched');
    const parent = path.slice(0, -1).reduce<unknown>((at, name) => childOf(at, name), result);
    applyTo(parent, path.at(-1) as string, operation);
  }
  return result;
}

function applyTo(parent: unknown, name: string, { op, value, path }: Operation): void {
  if (Array.isArray(parent)) {
    const index = name === '-' ? parent.length : Number(name);
    if (!Number.isInteger(index) || index < 0 || index > parent.length) throw unprocessable(`no such place: ${path}`);
    if (op === 'add') return void parent.splice(index, 0, value);
    if (index >= parent.length) throw unprocessable(`nothing at ${path}`);
    if (op === 'remove') return void parent.splice(index, 1);
    if (op === 'replace') return void parent.splice(index, 1, value);
    if (op === 'test' && sameJson(parent[index], value)) return;
  } else if (typeof parent === 'object' && parent !== null) {
    const record = parent as Record<string, unknown>;
    // The server replaces what is not there, too.
    if (op === 'add' || op === 'replace') return void Object.assign(record, { [name]: value });
    if (op === 'test' && sameJson(record[name], value)) return;
    if (!(name in record)) throw unprocessable(`nothing at ${path}`);
    if (op === 'remove') {
      delete record[name];
      return;
    }
  } else {
    throw unprocessable(`nothing at ${path}`);
  }
  throw unprocessable(op === 'test' ? `the test at ${path} fails` : `unknown operation ${op}`);
}

function childOf(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value[Number(name)];
  return isRecord(value) ? value[name] : undefined;
}

function unescaped(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function unprocessable(why: string) {
  return refused(422, 'Invalid', `the server rejected our request due to an error in our request: ${why}`);
}
