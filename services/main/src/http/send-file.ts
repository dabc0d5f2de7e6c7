import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ProblemError } from '@mediajob/service';
import type { Request, Response } from 'express';
import { byteRangeOf } from './byte-range.js';
import { entityTag, matchesNone, rangeStillHolds } from './conditional.js';
import { contentDisposition } from './content-disposition.js';

export interface SentFile extends SentContent {
  /** Open for reading; closed here, whatever happens. */
  readonly file: FileHandle;
}

export interface SentContent {
  /** From a closed table of ours, never from a person's file. */
  readonly mediaType: string;
  /** Value of the entity tag, without quotes: the same only for the same bytes. */
  readonly tag: string;
  /** What to call it when it is saved; left out for what only the page reads. */
  readonly download?: { readonly kind: 'attachment' | 'inline'; readonly fileName: string };
}

/** Nothing that comes from a person's file may run, load or be framed, even when it is opened by its address. */
const CONTENT_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'";

/**
 * Answers with a file of the volume: whole or a range, GET or HEAD, or 304.
 *
 * @throws ProblemError range-not-satisfiable
 */
export async function sendFile(request: Request, response: Response, sent: SentFile): Promise<void> {
  const { file } = sent;
  try {
    await send(request, response, sent, async () => {
      const { size } = await file.stat();
      return { size, read: (start, end) => file.createReadStream({ start, end, autoClose: false }) };
    });
  } finally {
    await file.close();
  }
}

/**
 * {@link sendFile} of what is made just now.
 *
 * @param bytes asked for only when there is something to send
 */
export function sendBytes(
  request: Request,
  response: Response,
  sent: SentContent,
  bytes: () => Promise<Buffer>,
): Promise<void> {
  return send(request, response, sent, async () => {
    const all = await bytes();
    return { size: all.length, read: (start, end) => Readable.from([all.subarray(start, end + 1)]) };
  });
}

interface Content {
  readonly size: number;
  /** Both ends included. */
  read(start: number, end: number): Readable;
}

async function send(
  request: Request,
  response: Response,
  sent: SentContent,
  open: () => Promise<Content>,
): Promise<void> {
  const { tag } = sent;
  response.set({
    etag: entityTag(tag),
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'content-security-policy': CONTENT_POLICY,
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    ...(sent.download ? { 'content-disposition': contentDisposition(sent.download.kind, sent.download.fileName) } : {}),
  });
  if (matchesNone(request.get('if-none-match'), tag)) {
    response.status(304).end();
    return;
  }
  const { size, read } = await open();
  const asked = rangeStillHolds(request.get('if-range'), tag) ? byteRangeOf(request.get('range'), size) : undefined;
  if (asked === 'unsatisfiable') {
    response.removeHeader('content-disposition');
    throw new ProblemError('range-not-satisfiable', `There is no such range: the file has ${size} bytes.`, {
      headers: { 'content-range': `bytes */${size}` },
    });
  }
  const { start, end } = asked ?? { start: 0, end: size - 1 };
  response.status(asked ? 206 : 200);
  response.setHeader('content-type', sent.mediaType);
  response.setHeader('content-length', end - start + 1);
  if (asked) response.setHeader('content-range', `bytes ${start}-${end}/${size}`);
  if (request.method === 'HEAD' || size === 0) {
    response.end();
    return;
  }
  await pipeline(read(start, end), response).catch((error: unknown) => {
    // A player that seeks hangs up in the middle: no error. Anything else is one, and the answer is cut off.
    if ((error as { code?: string }).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
