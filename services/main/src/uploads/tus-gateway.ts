import { UploadId } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { Server } from '@tus/server';
import type { Request, Response } from 'express';
import { NodeRequest } from 'srvx/node';
import { ulid } from 'ulid';
import { uploadProblem } from './tus-problems.js';
import { readAway } from './unread-body.js';
import type { UploadLocker } from './upload-lock.js';
import type { UploadMetrics } from './upload-metrics.js';
import type { UploadStore } from './upload-store.js';

export interface TusGatewayOptions {
  readonly store: UploadStore;
  readonly locker: UploadLocker;
  readonly metrics: UploadMetrics;
  readonly maxBytes: number;
  /** Requests that bring bytes at once. */
  readonly maxActive: number;
}

export const UPLOADS_PATH = '/api/v1/uploads';
/** How long a request that is asked to end may go on taking what its sender has already sent. */
const DRAIN_MS = 250;
const RETRY_BUSY_SECONDS = '5';

/**
 * tus 1.0 by @tus/server, with our ids, our locks, and our problems instead of its texts. It answers through Fetch
 * objects, so that every refusal can go out as the one kind of error body that we have.
 */
export class TusGateway {
  readonly #options: TusGatewayOptions;
  readonly #server: Server;
  readonly #failures = new WeakMap<object, unknown>();
  /** Upload ids, and one symbol for each request that makes an upload. */
  readonly #active = new Map<symbol, string | undefined>();

  constructor(options: TusGatewayOptions) {
    this.#options = options;
    this.#server = new Server({
      path: UPLOADS_PATH,
      datastore: options.store,
      locker: options.locker,
      maxSize: options.maxBytes,
      lockDrainTimeout: DRAIN_MS,
      relativeLocation: true,
      allowedOrigins: [],
      namingFunction: () => ulid(),
      getFileIdFromRequest: (_, last) => UploadId.safeParse(last).data,
      onResponseError: (request, error) => {
        this.#failures.set(request, error);
        return undefined;
      },
    });
  }

  /** @throws ProblemError for every answer that is not a success */
  async handle(request: Request, response: Response): Promise<void> {
    const leave = this.#enter(request);
    // The whole request has no time limit, its silence has one (UploadStore).
    request.setTimeout(0);
    try {
      const tusRequest = new NodeRequest({ req: request, res: response });
      const answer = await this.#server.handleWeb(tusRequest);
      // Nobody is there to read it.
      if (response.destroyed) return;
      response.setHeader('tus-resumable', '1.0.0');
      if (answer.status >= 400) {
        const body = await answer.text();
        throw uploadProblem(answer.status, this.#failures.get(tusRequest), body, this.#options.maxBytes);
      }
      response.status(answer.status);
      for (const [name, value] of answer.headers) {
        if (!name.startsWith('access-control-')) response.setHeader(name, value);
      }
      response.end();
    } catch (error) {
      if (response.destroyed) return;
      this.#count(error);
      response.once('finish', () => readAway(request));
      throw error;
    } finally {
      leave();
    }
  }

  #enter(request: Request): () => void {
    const brings =
      request.method === 'PATCH' || (request.method === 'POST' && request.headers['content-type'] !== undefined);
    if (!brings) return () => {};
    return this.enter(request.method === 'PATCH' ? request.path.split('/').pop() : undefined);
  }

  /**
   * Counts one that brings bytes, whichever way; the answer ends it.
   *
   * @param id - of the upload, where it is known before
   * @throws ProblemError busy when there are as many as are allowed
   */
  enter(id?: string): () => void {
    const { metrics, maxActive } = this.#options;
    // One that takes over from a dead request of the same upload does not add to the load.
    const takesOver = id !== undefined && [...this.#active.values()].includes(id);
    if (this.#active.size >= maxActive && !takesOver) {
      metrics.refused.inc({ reason: 'busy' });
      throw new ProblemError(
        'busy',
        `${maxActive} uploads are being received, as many as are allowed. Try again shortly.`,
        {
          headers: { 'retry-after': RETRY_BUSY_SECONDS },
        },
      );
    }
    const key = Symbol('request');
    this.#active.set(key, id);
    metrics.active.set(this.#active.size);
    return () => {
      this.#active.delete(key);
      metrics.active.set(this.#active.size);
    };
  }

  #count(error: unknown): void {
    if (!(error instanceof ProblemError)) return;
    const { refused } = this.#options.metrics;
    if (error.code === 'upload-too-large') refused.inc({ reason: 'size' });
    if (error.code === 'unsupported-media') refused.inc({ reason: 'type' });
    if (error.code === 'storage-full') refused.inc({ reason: 'disk' });
  }
}
