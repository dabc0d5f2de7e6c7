import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Environment } from '@mediajob/kube';
import { type AuditLog, ProblemError, problemBody, problemOf } from '@mediajob/service';
import { Counter, type Registry } from 'prom-client';
import type { Keyring } from './keyring.js';
import { FORWARDED } from './leader-link.js';
import { bearerOf, readReport } from './read-report.js';
import type { ReportSender, Reports, Taken } from './reports.js';
import { SuspiciousReports } from './suspicious-reports.js';

export interface ProgressReceiverOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly keyring: Keyring;
  readonly reports: Reports;
  readonly audit: Pick<AuditLog, 'suspicious'>;
  readonly environment: Pick<Environment, 'clock' | 'log'>;
  readonly registry: Registry;
}

const PATH = '/v1/progress';
/** Tokens have about one KiB. */
const MOST_HEADER_BYTES = 16_384;
const MOST_CONNECTIONS = 2_000;
/** A run reports every two seconds: it keeps its connection. */
const KEEP_ALIVE_MS = 15_000;
const REQUEST_MS = 10_000;

/**
 * POST /v1/progress over HTTPS: what Jobs tell of themselves. 204 when it was taken; otherwise a problem. Runs on each
 * replica. Before there is a certificate nobody can connect, and afterwards new connections get the newest.
 */
export class ProgressReceiver {
  readonly name = 'progress receiver';
  readonly #options: ProgressReceiverOptions;
  readonly #server: Server;
  readonly #outcomes: Counter<'outcome'>;
  readonly #suspicious: SuspiciousReports;
  readonly #forget: () => void;

  constructor(options: ProgressReceiverOptions) {
    this.#options = options;
    const { keyring, audit, registry, environment } = options;
    this.#suspicious = new SuspiciousReports(audit, environment.clock);
    this.#outcomes = new Counter({
      name: 'mediajob_progress_reports_total',
      help: 'Reports of progress that Jobs sent, by what became of them.',
      labelNames: ['outcome'],
      registers: [registry],
    });
    const settings = {
      minVersion: 'TLSv1.3',
      maxHeaderSize: MOST_HEADER_BYTES,
      connectionsCheckingInterval: REQUEST_MS / 2,
    } as const;
    this.#server = createServer(settings, (request, response) => void this.#handle(request, response));
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
    this.#server.headersTimeout = REQUEST_MS;
    this.#server.requestTimeout = REQUEST_MS;
    // Whoever does not get through the handshake is told by it; a line for each would be a way to fill the log.
    this.#server.on('tlsClientError', () => this.#outcomes.inc({ outcome: 'tls-failed' }));
    this.#useKeys();
    this.#forget = keyring.onChange(() => this.#useKeys());
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  /** @throws the error of `listen`, such as EADDRINUSE */
  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, this.#options.host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#options.environment.log.info({ port: this.port }, 'reports of progress are taken');
  }

  async close(): Promise<void> {
    this.#forget();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      // Reports are worth no wait: each run sends the next one soon.
      this.#server.closeAllConnections();
    });
  }

  #useKeys(): void {
    const { serving } = this.#options.keyring;
    if (serving !== undefined) this.#server.setSecureContext({ ...serving, minVersion: 'TLSv1.3' });
  }

  /** Never rejects. */
  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const address = socket.remoteAddress ?? 'unknown';
    const sender: Partial<ReportSender> = { address, forwarded: request.headers[FORWARDED] !== undefined };
    try {
      this.#answer(response, await this.#take(request, sender));
    } catch (error) {
      // It broke off by itself: nobody is there to be answered.
      if (!socket.destroyed) this.#refuse(request, response, error, address);
    }
  }

  async #take(request: IncomingMessage, sender: Partial<ReportSender>): Promise<Taken> {
    if (request.url?.split('?', 1)[0] !== PATH) throw new ProblemError('not-found', `Reports are taken at ${PATH}.`);
    if (request.method !== 'POST') {
      throw new ProblemError('method-not-allowed', 'Send reports by POST.', { headers: { allow: 'POST' } });
    }
    const known = { address: '', forwarded: false, ...sender, token: bearerOf(request) };
    const identity = await this.#options.reports.identify(known);
    return this.#options.reports.take(known, identity, await readReport(request));
  }

  #answer(response: ServerResponse, taken: Taken): void {
    this.#outcomes.inc({ outcome: taken.outcome });
    if (taken.outcome !== 'forwarded') {
      response.writeHead(204).end();
      return;
    }
    const { status, retryAfter, body } = taken.answer;
    const headers = {
      ...(body === '' ? {} : { 'content-type': 'application/problem+json' }),
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    };
    response.writeHead(status, headers).end(body === '' ? undefined : body);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: unknown, address: string): void {
    const problem = problemOf(error);
    const instance = randomUUID();
    this.#outcomes.inc({ outcome: problem.code });
    this.#suspicious.tell(problem, address, instance);
    if (problem.status >= 500)
      this.#options.environment.log.warn({ err: problem, instance }, 'a report could not be taken');
    const body = JSON.stringify(problemBody(problem, instance));
    response.writeHead(problem.status, {
      'content-type': 'application/problem+json',
      'content-length': Buffer.byteLength(body),
      // However much of the body is to come: nobody waits for the end of it.
      ...(request.complete ? {} : { connection: 'close' }),
      ...problem.headers,
    });
    response.end(body);
    request.resume();
  }
}
