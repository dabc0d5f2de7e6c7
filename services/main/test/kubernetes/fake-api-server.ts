import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type DeleteOptions, type Draft, KubeApiError, type ServerAccess } from '@mediajob/kube';
import { MemoryServer } from '../../../../packages/kube/test/memory-api/index.js';
import { type MediaJobObject, MediaJobs } from '../../src/kubernetes/media-job-kind.js';
import { NAMESPACE } from './cluster-world.js';

/** What becomes of a request: done and answered, done and never answered, or never done. */
export type Treatment = 'answer' | 'do' | 'ignore';

const PATH = new RegExp(`^/apis/${MediaJobs.apiVersion}/namespaces/([^/]+)/mediajobs(?:/([^/]+))?$`);
const BOOKMARK_MS = 1_000;

/** MediaJobs of an API server over loopback HTTP, which can go away and come back at the same port. */
export class FakeApiServer {
  readonly objects: MemoryServer;
  /** Asked for each request: `POST talk`, `PATCH talk`. */
  treat: (request: string) => Treatment = () => 'answer';
  /** Requests that change something, in the order in which they came. */
  readonly writes: string[] = [];
  #server: Server | undefined;
  #port = 0;

  constructor() {
    this.objects = new MemoryServer({ clock: { now: Date.now }, random: Math.random }).register(MediaJobs, {
      status: true,
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get access(): ServerAccess {
    return {
      namespace: NAMESPACE,
      current: async () => ({ server: new URL(this.url), headers: {}, tls: {} }),
      renew: async () => {},
    };
  }

  get kubeconfig(): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'fake', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake', namespace: NAMESPACE } }],
      users: [{ name: 'fake', user: {} }],
      'current-context': 'fake',
    });
  }

  jobs(): MediaJobObject[] {
    return this.objects.all(MediaJobs, { namespace: NAMESPACE });
  }

  async start(): Promise<this> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#refuse(error, response));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** Cuts all connections; nobody listens any more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url);
    const [, namespace = '', name] = PATH.exec(url.pathname) ?? [];
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = pieces.length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString('utf8'));
    if (namespace === '') throw new KubeApiError('no such resource', { status: 404, reason: 'NotFound' });
    if (url.searchParams.get('watch') === 'true') {
      this.#watch(namespace, url.searchParams.get('resourceVersion') ?? '', response);
      return;
    }
    const method = request.method ?? 'GET';
    const what = `${method} ${name ?? body?.metadata?.name ?? ''}`;
    if (method !== 'GET') this.writes.push(what);
    const treatment = this.treat(what);
    if (treatment === 'ignore') return;
    const result = this.#execute(method, namespace, name, url, body);
    if (treatment === 'answer') send(response, method === 'POST' ? 201 : 200, result);
  }

  #execute(method: string, namespace: string, name: string | undefined, url: URL, body: unknown): object {
    const { objects } = this;
    const given = (key: string) => url.searchParams.get(key) ?? undefined;
    if (method === 'POST') return objects.create(MediaJobs, body as Draft<MediaJobObject>);
    if (name === undefined) {
      const [labelSelector, limit, after] = ['labelSelector', 'limit', 'continue'].map(given);
      const list = objects.list(MediaJobs, {
        namespace,
        ...(labelSelector === undefined ? {} : { labelSelector }),
        ...(limit === undefined ? {} : { limit: Number(limit) }),
        ...(after === undefined ? {} : { continue: after }),
      });
      return { metadata: { resourceVersion: list.resourceVersion, continue: list.continue }, items: list.items };
    }
    const ref = { namespace, name };
    if (method === 'PATCH') return objects.patch(MediaJobs, ref, { type: 'merge', body: body as object });
    if (method !== 'DELETE') return objects.get(MediaJobs, ref);
    objects.delete(MediaJobs, ref, body as DeleteOptions);
    return { kind: 'Status', status: 'Success' };
  }

  #watch(namespace: string, from: string, response: ServerResponse): void {
    const table = this.objects.table(MediaJobs);
    const line = (type: string, object: object) => response.write(`${JSON.stringify({ type, object })}\n`);
    const tell = ({ type, object }: { readonly type: string; readonly object: MediaJobObject }) => {
      if (object.metadata.namespace === namespace) line(type, object);
    };
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    for (const event of this.objects.eventsSince(table, from)) tell(event);
    table.listeners.add(tell);
    const bookmarks = setInterval(
      () => line('BOOKMARK', { kind: 'MediaJob', metadata: { resourceVersion: this.objects.version } }),
      BOOKMARK_MS,
    );
    response.once('close', () => {
      clearInterval(bookmarks);
      table.listeners.delete(tell);
    });
  }

  #refuse(error: unknown, response: ServerResponse): void {
    if (!(error instanceof KubeApiError)) {
      response.destroy(error as Error);
      return;
    }
    const { status, reason, message, details } = error;
    send(response, status, { kind: 'Status', status: 'Failure', code: status, reason, message, details });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
