import type { ObjectReference } from './kinds/event.js';
import type { KubeObject } from './object.js';

/** What is to be told of an object. */
export interface EventDraft {
  readonly regarding: KubeObject;
  readonly related?: KubeObject;
  readonly type: 'Normal' | 'Warning';
  /** One CamelCase word for machines: why. */
  readonly reason: string;
  /** One CamelCase word for machines: what was done, or had to be. */
  readonly action: string;
  /** A sentence for people; cut at 1,024 bytes. */
  readonly note: string;
  /** Events that differ in their notes only are one series when this is the same; the note itself when left out. */
  readonly noteClass?: string;
}

/** The server counts bytes. */
export const MAX_NOTE_BYTES = 1024;
export const MAX_WORD_BYTES = 128;

const decoder = new TextDecoder();

/** Cuts a text at a character, so that it has at most so many bytes of UTF-8, the last three of them `…`. */
export function cutToBytes(text: string, bytes: number): string {
  const encoded = new TextEncoder().encode(text);
  if (encoded.length <= bytes) return text;
  let end = bytes - 3;
  // Bytes of the form 10xxxxxx go on with a character.
  while (end > 0 && ((encoded[end] as number) & 0xc0) === 0x80) end -= 1;
  return `${decoder.decode(encoded.subarray(0, end))}…`;
}

/** Events with the same key are one series. */
export function seriesKey({ regarding, related, type, reason, action, note, noteClass }: EventDraft): string {
  return JSON.stringify([regarding.metadata.uid, related?.metadata.uid, type, reason, action, noteClass ?? note]);
}

export function referenceTo({ apiVersion, kind, metadata }: KubeObject): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion, kind, name, uid, resourceVersion, ...(namespace === undefined ? {} : { namespace }) };
}
