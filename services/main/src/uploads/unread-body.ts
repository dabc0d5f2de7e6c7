import type { IncomingMessage } from 'node:http';

/** As much of a refused body is read and thrown away, and for as long, so that its sender gets to read the answer. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_MS = 10_000;

/**
 * Lets a sender whose request was refused in the middle finish sending: closing at once makes its system throw our
 * answer away with the connection (the reason for nginx's lingering_close). Beyond the bounds the connection is cut.
 */
export function readAway(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let bytes = 0;
  const cut = () => request.destroy();
  const timer = setTimeout(cut, MAX_MS).unref();
  // Whoever read before has ended, but its listener would pause the request again and again.
  request.removeAllListeners('data');
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) cut();
  });
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
  request.on('error', () => {});
  request.resume();
}
