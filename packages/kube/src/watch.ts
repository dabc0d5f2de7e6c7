import { errorOfWatch, invalidAnswer } from './answer.js';
import type { WatchEvent } from './api.js';
import type { KubeObject } from './object.js';

/** No event of an API server comes near: etcd keeps objects of 1.5 MiB at most. */
const MAX_LINE_BYTES = 32 * 2 ** 20;
const NEWLINE = 0x0a;
const STATUS_OK = 200;

/**
 * Lines of a stream, however its chunks cut them: also in the middle of a character. What follows the last newline is a
 * line too.
 *
 * @throws RangeError for a line longer than `maxBytes`
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const text = () => {
    const line = Buffer.concat(parts).toString('utf8');
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      start = end + 1;
      yield text();
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > maxBytes) throw new RangeError(`a line has more than ${maxBytes} bytes`);
  }
  if (parts.length > 0) yield text();
}

/**
 * The events of a watch's answer, one JSON object a line.
 *
 * @param request for messages
 * @throws KubeApiError of an ERROR line; InvalidAnswer for a line that is no event, also one that the end cuts off
 */
export async function* watchEvents<T extends KubeObject>(
  request: string,
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  try {
    for await (const line of lines(chunks, maxLineBytes)) {
      if (line.trim() !== '') yield eventOf<T>(request, line);
    }
  } catch (error) {
    if (error instanceof RangeError)
      throw invalidAnswer(request, `has an event too large to be one: ${error.message}`, 200);
    throw error;
  }
}

function eventOf<T extends KubeObject>(request: string, line: string): WatchEvent<T> {
  let event: { readonly type?: unknown; readonly object?: unknown };
  try {
    event = JSON.parse(line);
  } catch {
    throw invalidAnswer(request, 'has a line that is not JSON', STATUS_OK);
  }
  const { type, object } = event ?? {};
  if (type === 'ERROR') throw errorOfWatch(request, object);
  const version = (object as Partial<KubeObject> | undefined)?.metadata?.resourceVersion;
  if (typeof version !== 'string') throw invalidAnswer(request, 'has an event without a resourceVersion', STATUS_OK);
  switch (type) {
    case 'BOOKMARK':
      return { type, resourceVersion: version };
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object: object as T };
    default:
      throw invalidAnswer(request, 'has an event of an unknown type', STATUS_OK);
  }
}
