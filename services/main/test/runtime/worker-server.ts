import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type ModelList,
  PROBLEMS,
  ProbeRequest,
  type ProblemCode,
  StepRequest,
  type TaskStatus,
} from '@mediajob/contract';
import type { FakeWorker } from './fake-worker.js';

/** A FakeWorker behind real HTTP, with ways to misbehave. */
export class WorkerServer {
  readonly worker: FakeWorker;
  /** true: takes connections and requests, and never answers. */
  hangs = false;
  /** The worker gets the request, but the answer is cut. */
  cutsAnswers = false;
  models: ModelList = {
    models: [
      {
        name: 'base',
        description: 'Small and quick.',
        languages: 99,
        translates: true,
        installed: true,
        bytes: 1,
        downloadable: true,
        default: true,
      },
    ],
  };
  probe: { status: number; body: unknown } = { status: 503, body: undefined };
  #server: Server | undefined;
  #port = 0;

  constructor(worker: FakeWorker) {
    this.worker = worker;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens; at the same port again after `kill`. */
  async start(): Promise<this> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    return this;
  }

  /** As kill -9 does: connections are cut, nobody listens, and what it knew is gone. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.worker.restart();
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.hangs) return;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body: unknown = pieces.length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString('utf8'));
    const { pathname } = new URL(request.url ?? '/', this.url);
    const [, id] = /^\/v1\/tasks\/([^/]+)$/.exec(pathname) ?? [];
    const send = (status: number, value: unknown) => {
      if (this.cutsAnswers) {
        response.destroy();
        return;
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    const problem = (code: ProblemCode) => {
      const { status, title } = PROBLEMS[code];
      send(status, { type: `urn:mediajob:problem:${code}`, title, status, code, detail: title });
    };
    const task = (status: TaskStatus | undefined) =>
      status === undefined ? problem('task-not-found') : send(200, status);
    if (pathname === '/v1/tasks') send(200, this.worker.list());
    else if (pathname === '/v1/models') send(200, this.models);
    else if (pathname === '/v1/probe') {
      ProbeRequest.parse(body);
      send(this.probe.status, this.probe.body);
    } else if (id === undefined) problem('not-found');
    else if (request.method === 'PUT') {
      const answer = this.worker.put(id, StepRequest.parse(body));
      if (answer === 'busy') problem('shutting-down');
      else if (answer === 'differs') problem('task-differs');
      else send(201, answer);
    } else task(request.method === 'DELETE' ? this.worker.cancel(id) : this.worker.get(id));
  }
}
