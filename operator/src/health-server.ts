import { createServer, type Server, type ServerResponse } from 'node:http';
import type { ManagedServer } from '@mediajob/kube';

/** What the endpoints tell. */
export interface OperatorHealth {
  /** The event loop moves. Nothing else is asked: a restart mends neither a disk nor a server that is away. */
  live(): boolean;
  /** The memory of the cluster is warm and no end has begun; a replica that waits for the Lease is ready, too. */
  ready(): boolean;
  /** For people. */
  describe(): Readonly<Record<string, unknown>>;
}

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly health: OperatorHealth;
  /** Beside each answer: service, version, instance. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** /health/live, /health/ready and /health, as the other services have them. */
export class HealthServer implements ManagedServer {
  readonly name = 'health';
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD' }).end();
        return;
      }
      this.#answer(request.url?.split('?', 1)[0] ?? '', response);
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  /** @throws the error of `listen`, such as EADDRINUSE */
  start(): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #answer(path: string, response: ServerResponse): void {
    const { health } = this.#options;
    if (path === '/health/live') this.#say(response, health.live(), {});
    else if (path === '/health/ready') this.#say(response, health.ready(), {});
    else if (path === '/health') this.#say(response, health.live() && health.ready(), health.describe());
    else response.writeHead(404, { 'content-type': 'text/plain' }).end('Health is at /health.\n');
  }

  #say(response: ServerResponse, ok: boolean, more: Readonly<Record<string, unknown>>): void {
    const body = JSON.stringify({ status: ok ? 'ok' : 'error', ...this.#options.about, ...more });
    response
      .writeHead(ok ? 200 : 503, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(`${body}\n`);
  }
}
