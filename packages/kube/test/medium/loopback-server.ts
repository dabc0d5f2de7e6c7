import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Authority } from './certificates.js';

export interface SeenRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export type Respond = (request: SeenRequest, response: Http2ServerResponse) => void;

/** An HTTPS server on loopback that answers as a test says, and counts connections. Speaks HTTP/2, like kube-apiserver. */
export class LoopbackServer {
  /** TLS handshakes so far. */
  connections = 0;
  readonly requests: SeenRequest[] = [];
  respond: Respond;
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<Http2ServerResponse>();

  static async start(
    authority: Authority,
    respond: Respond,
    protocol: 'h2' | 'http/1.1' = 'h2',
  ): Promise<LoopbackServer> {
    const identity = await authority.issue();
    const server =
      protocol === 'http/1.1'
        ? (createTlsServer(identity) as unknown as Http2SecureServer)
        : createSecureServer({ ...identity, allowHTTP1: true, maxSessionMemory: 1000 });
    const loopback = new LoopbackServer(server, respond);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return loopback;
  }

  private constructor(server: Http2SecureServer, respond: Respond) {
    this.#server = server;
    this.respond = respond;
    server.on('secureConnection', () => {
      this.connections++;
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('sessionError', () => {});
    server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      this.#take(request, response);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** From now on new connections see this certificate. */
  async present(authority: Authority): Promise<void> {
    this.#server.setSecureContext(await authority.issue());
  }

  /** Writes to all watches that are open. */
  tellWatches(text: string): void {
    for (const watch of this.#watches) watch.write(text);
  }

  get watches(): number {
    return this.#watches.size;
  }

  /** Cuts every connection, in the middle of whatever it carries. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #take(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const chunks: Buffer[] = [];
    response.on('error', () => {});
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const seen: SeenRequest = {
        method: request.method,
        path: request.url,
        url: new URL(request.url, this.url),
        headers: { ...request.headers },
        body: Buffer.concat(chunks).toString('utf8'),
      };
      this.requests.push(seen);
      if (isWatch(seen)) {
        this.#watches.add(response);
        response.on('close', () => this.#watches.delete(response));
      }
      this.respond(seen, response);
    });
  }
}

export function isWatch({ url }: SeenRequest): boolean {
  return url.searchParams.get('watch') === 'true';
}

export function bookmark(resourceVersion: string): string {
  return `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } })}\n`;
}

export function answer(
  response: Http2ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** `metav1.Status` of a refusal. */
export function refuse(
  response: Http2ServerResponse,
  code: number,
  reason: string,
  more: object = {},
  headers: Record<string, string> = {},
): void {
  answer(
    response,
    code,
    { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: `${reason} it is`, reason, code, ...more },
    headers,
  );
}
