import type { ServerResponse } from 'node:http';
import { ProblemError } from './problem.js';

export interface ServerSentEvent {
  data: unknown;
  event?: string;
  id?: string;
}

/** Most bytes that may wait for a reader that does not read; then it is cut off, and comes again by itself. */
const MAX_BACKLOG = 4 * 1024 * 1024;

/**
 * One stream of Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html): a comment every
 * 15 s so that no proxy takes it for dead, and a bounded backlog so that a slow reader costs no memory.
 */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #heartbeat: NodeJS.Timeout;
  #closed = false;
  /** Resolves when either side has ended the stream. */
  readonly closed: Promise<void>;

  constructor(response: ServerResponse, options: { heartbeatMs?: number; retryMs?: number } = {}) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${options.retryMs ?? 2000}\n\n`);
    this.#heartbeat = setInterval(() => response.write(':\n\n'), options.heartbeatMs ?? 15_000).unref();
    this.closed = new Promise((resolve) => {
      response.once('close', () => {
        this.#closed = true;
        clearInterval(this.#heartbeat);
        resolve();
      });
    });
    // A reader that went away is no error.
    response.on('error', () => {});
  }

  /** @returns false when the stream has ended */
  send(event: ServerSentEvent): boolean {
    if (this.#closed) return false;
    const lines = [
      ...(event.event === undefined ? [] : [`event: ${event.event}`]),
      ...(event.id === undefined ? [] : [`id: ${event.id}`]),
      // JSON has no raw line breaks, so one data line is enough.
      `data: ${JSON.stringify(event.data)}`,
    ];
    this.#response.write(`${lines.join('\n')}\n\n`);
    if (this.#response.writableLength > MAX_BACKLOG) this.#response.destroy();
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#response.end();
  }
}

/** All open streams of a service: they have no end of their own, so a shutdown ends them; readers come again elsewhere. */
export class EventStreams {
  readonly #open = new Set<EventStream>();
  #closing = false;

  /** @throws ProblemError shutting-down */
  open(response: ServerResponse): EventStream {
    if (this.#closing) {
      throw new ProblemError('shutting-down', 'This instance is shutting down. Connect again shortly.', {
        headers: { 'retry-after': '5' },
      });
    }
    const stream = new EventStream(response);
    this.#open.add(stream);
    void stream.closed.then(() => this.#open.delete(stream));
    return stream;
  }

  closeAll(): void {
    this.#closing = true;
    for (const stream of this.#open) stream.close();
  }
}
