import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { storageErrorOf } from './errors.js';

const READ_BYTES = 1 << 20;

/**
 * SHA-256 of a file, read once as a stream; memory stays flat.
 * @returns lower-case hexadecimal
 * @throws InputNotFoundError, StorageError; the signal's reason when it is aborted
 */
export async function sha256OfFile(path: string, options: { signal?: AbortSignal } = {}): Promise<string> {
  const hash = createHash('sha256');
  try {
    const stream = createReadStream(path, { highWaterMark: READ_BYTES, signal: options.signal });
    for await (const piece of stream) hash.update(piece as Buffer);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw storageErrorOf(error, 'reading', path);
  }
  return hash.digest('hex');
}

/** SHA-256 of a text in UTF-8 or of bytes. */
export function sha256Of(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 of a value as canonical JSON: equal for equal values, whatever the order of their keys. */
export function sha256OfJson(value: unknown): string {
  return sha256Of(canonicalJson(value));
}

/**
 * JSON with sorted keys and no white space; members that are undefined are left out, as JSON.stringify does.
 * @throws TypeError for what JSON cannot say without loss (NaN, Infinity, bigint, functions)
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((item) => canonicalJson(item === undefined ? null : item)).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  throw new TypeError(`${typeof value === 'number' ? value : typeof value} cannot be written as JSON`);
}
