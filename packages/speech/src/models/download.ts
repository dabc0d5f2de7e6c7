import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { storageErrorOf } from '@mediajob/storage';
import { ModelError } from './model-error.js';

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes that are here, and bytes in all when the server said so. */
  readonly onProgress?: ((bytes: number, total: number | undefined) => void) | undefined;
  /** Size that the file must have; a server that announces another is not believed. */
  readonly bytes?: number | undefined;
  /** The connection is given up when nothing arrives for this long. */
  readonly stallMs?: number | undefined;
  /** Pause before the second attempt; each further one waits twice as long. */
  readonly pauseMs?: number | undefined;
}

/** Attempts in a row that may bring nothing new. */
const FRUITLESS_ATTEMPTS = 4;

/**
 * Brings a file over HTTP into `path`, beginning where an earlier attempt, of this process or another one, stopped.
 * A connection that is cut or stands still is opened again as long as attempts bring something new.
 * That the bytes are the right ones is for the caller to check.
 *
 * @throws {ModelError} no-source when the server cannot be reached or refuses, interrupted
 * @throws StorageFullError
 */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<void> {
  let fruitless = 0;
  let answered = false;
  for (;;) {
    const before = await sizeOf(path);
    if (options.bytes !== undefined && before === options.bytes) return;
    try {
      await attempt(url, path, before, options, () => {
        answered = true;
      });
      return;
    } catch (error) {
      if (options.signal?.aborted) throw interrupted(url, options.signal);
      if (!(error instanceof TransferError)) throw error;
      fruitless = (await sizeOf(path)) > before ? 0 : fruitless + 1;
      // Nobody has answered yet: the network is away, or the address is; another source is the better attempt.
      if (error.final || !answered || fruitless >= FRUITLESS_ATTEMPTS)
        throw new ModelError('no-source', `${url}: ${error.message}`, { cause: error });
      await sleep((options.pauseMs ?? 1000) * 2 ** fruitless, undefined, { signal: options.signal }).catch(() => {
        throw interrupted(url, options.signal);
      });
    }
  }
}

function interrupted(url: string, signal: AbortSignal | undefined): ModelError {
  return new ModelError('interrupted', `The download of ${url} was stopped; the next one goes on where it was.`, {
    cause: signal?.reason,
  });
}

/** The transfer failed. `final`: and would again. */
class TransferError extends Error {
  readonly final: boolean;
  constructor(message: string, final: boolean, options?: ErrorOptions) {
    super(message, options);
    this.final = final;
  }
}

async function sizeOf(path: string): Promise<number> {
  return await stat(path).then(
    (it) => it.size,
    () => 0,
  );
}

async function attempt(
  url: string,
  path: string,
  here: number,
  { signal, onProgress, bytes, stallMs = 30_000 }: DownloadOptions,
  onAnswer: () => void,
): Promise<void> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), stallMs);
  try {
    const response = await fetch(url, {
      headers: { 'accept-encoding': 'identity', ...(here > 0 ? { range: `bytes=${here}-` } : {}) },
      signal: signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
    });
    onAnswer();
    const { from, total } = await placeOf(response, here);
    if (bytes !== undefined && total !== undefined && total !== bytes) {
      await response.body?.cancel();
      throw new TransferError(`the server has ${total} bytes where ${bytes} are expected.`, true);
    }
    const file = await open(path, from === 0 ? 'w' : 'r+').catch((error: unknown) => {
      throw storageErrorOf(error, 'writing', path);
    });
    try {
      let at = from;
      for await (const piece of response.body ?? []) {
        timer.refresh();
        await writeAll(file, piece, at, path);
        at += piece.length;
        onProgress?.(at, total ?? bytes);
      }
      await file.datasync();
      const wanted = total ?? bytes;
      if (wanted !== undefined && at !== wanted)
        throw new TransferError(`it ended after ${at} of ${wanted} bytes.`, at > wanted);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw stalled.signal.aborted
      ? new TransferError(`nothing arrived for ${Math.round(stallMs / 1000)} s.`, false, { cause: error })
      : transferErrorOf(error, onAnswer);
  } finally {
    clearTimeout(timer);
  }
}

/** Where in the file the body belongs, and how long the whole file is. */
async function placeOf(response: Response, here: number): Promise<{ from: number; total: number | undefined }> {
  const length = response.headers.get('content-length');
  if (response.status === 200) return { from: 0, total: length === null ? undefined : Number(length) };
  if (response.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
    if (range !== null && Number(range[1]) === here)
      return { from: here, total: range[2] === '*' ? undefined : Number(range[2]) };
    await response.body?.cancel();
    throw new TransferError('the server answered with another range than asked for.', true);
  }
  await response.body?.cancel();
  if (response.status === 416) {
    // Nothing is left to send when the file is complete; otherwise what is here belongs to another file.
    const total = /^bytes \*\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    throw new TransferError(`the server has ${total ?? 'fewer'} bytes, and ${here} are here already.`, true);
  }
  const text = `the server answered ${response.status} ${response.statusText}`.trimEnd();
  throw new TransferError(`${text}.`, response.status < 500 && response.status !== 408 && response.status !== 429);
}

async function writeAll(file: FileHandle, piece: Uint8Array, at: number, path: string): Promise<void> {
  try {
    for (let done = 0; done < piece.length; )
      done += (await file.write(piece, done, piece.length - done, at + done)).bytesWritten;
  } catch (error) {
    throw storageErrorOf(error, 'writing', path);
  }
}

/** fetch says "fetch failed" and keeps the reason in `cause`, sometimes as several errors, one an address. */
function transferErrorOf(error: unknown, onAnswer: () => void): unknown {
  if (error instanceof TransferError || !(error instanceof TypeError)) return error;
  let cause: unknown = error.cause;
  if (cause instanceof AggregateError) cause = cause.errors[0];
  const reason = cause instanceof Error ? cause.message : error.message;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  // Somebody was there and hung up: no reason to take the network for away.
  if (code === 'ECONNRESET' || code === 'UND_ERR_SOCKET') onAnswer();
  return new TransferError(`${reason.replace(/\.$/, '')}.`, false, { cause: error });
}

/** Digest of a file in hexadecimal, read as a stream. */
export async function digestOf(
  algorithm: 'sha1' | 'sha256',
  path: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const hash = createHash(algorithm);
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(piece as Buffer);
  } catch (error) {
    if (signal?.aborted) throw new ModelError('interrupted', `Checking ${path} was stopped.`, { cause: signal.reason });
    throw storageErrorOf(error, 'reading', path);
  }
  return hash.digest('hex');
}
