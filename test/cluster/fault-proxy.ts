import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { type ApiRequest, describeRequest } from './api-request.ts';
import type { ControlPlane } from './control-plane.ts';
import { readKubeconfig, writeKubeconfig } from './kubeconfig.ts';

/** Which requests a fault is for; what is left out matches all. */
export interface Match {
  /** `list`, or several: `['create', 'patch']`. */
  readonly verb?: string | readonly string[];
  /** `jobs`, `mediajobs/status`. */
  readonly resource?: string;
  /** Against the path with its query. */
  readonly path?: RegExp;
}

/** What becomes of a request that matches. */
export type Fault =
  /** Answered by the proxy, and never seen by the API server. */
  | { readonly kind: 'answer'; readonly status: number; readonly retryAfterSeconds?: number; readonly reason?: string }
  /** The connection breaks before the API server hears of it. */
  | { readonly kind: 'drop-request' }
  /** The API server does it, and the connection breaks before the answer: whether it was done, the client cannot know. */
  | { readonly kind: 'drop-answer' }
  /** The connection breaks in the middle of the answer, after so many bytes of its body. */
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }
  /** The connection of a watch breaks after so many whole events. */
  | { readonly kind: 'cut-watch'; readonly afterEvents: number }
  /** A watch ends as the API server ends it, without an error, after so many events. */
  | { readonly kind: 'end-watch'; readonly afterEvents: number }
  /** A watch begins well and its first event is an ERROR: resourceVersion expired. */
  | { readonly kind: 'expire-watch' }
  /** Passed on after this many ms. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Kept until `release()`, then passed on. */
  | { readonly kind: 'hold' };

export interface FaultRule {
  /** Requests that it was applied to. */
  readonly hits: number;
  /** Requests that it holds now. */
  readonly held: number;
  /** Requests that it was applied to and that are over, as far as the API server is concerned. */
  readonly done: number;
  /** Lets go what it holds, and holds nothing more. */
  release(): void;
  /** Applies to nothing from now on. */
  remove(): void;
}

export interface SeenRequest extends ApiRequest {
  readonly method: string;
  /** With its query. */
  readonly target: string;
  readonly userAgent: string;
}

export interface RuleOptions {
  /** Requests that get the fault; 1 when left out. */
  readonly times?: number;
  /** Requests that are spared before. */
  readonly skip?: number;
  /** Called when a request has come that gets the fault, before anything is done with it. */
  readonly onHit?: () => void;
}

class Rule implements FaultRule {
  readonly match: Match;
  readonly fault: Fault;
  hits = 0;
  done = 0;
  #left: number;
  #skip: number;
  readonly #onHit: () => void;
  #held = new Set<() => void>();

  constructor(match: Match, fault: Fault, { times = 1, skip = 0, onHit = () => {} }: RuleOptions) {
    this.match = match;
    this.fault = fault;
    this.#left = times;
    this.#skip = skip;
    this.#onHit = onHit;
  }

  get held(): number {
    return this.#held.size;
  }

  /** Whether this request is one of those it is for; counts it. */
  take(seen: SeenRequest): boolean {
    const { verb, resource, path } = this.match;
    if (this.#left <= 0) return false;
    if (verb !== undefined && ![verb].flat().includes(seen.verb)) return false;
    if (resource !== undefined && resource !== seen.resource) return false;
    if (path !== undefined && !path.test(seen.target)) return false;
    if (this.#skip > 0) {
      this.#skip--;
      return false;
    }
    this.#left--;
    this.hits++;
    this.#onHit();
    return true;
  }

  hold(): Promise<void> {
    return new Promise((resolve) => {
      this.#held.add(resolve);
    });
  }

  release(): void {
    this.remove();
    for (const go of this.#held) go();
    this.#held.clear();
  }

  remove(): void {
    this.#left = 0;
  }
}

/**
 * Stands between a client and the API server, speaks TLS to both with the control plane's own certificates, keeps the
 * client's token, and does to requests what its rules say. HTTP/1.1.
 */
export class FaultProxy {
  readonly url: string;
  /** Every request, oldest first. */
  readonly requests: SeenRequest[] = [];
  /** TLS connections that clients opened so far. */
  connections = 0;
  readonly #controlPlane: ControlPlane;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #sockets = new Set<Socket>();
  readonly #upstream = new Set<ClientRequest>();
  #rules: Rule[] = [];
  #kubeconfigs = 0;

  private constructor(controlPlane: ControlPlane, server: Server) {
    this.#controlPlane = controlPlane;
    this.#server = server;
    this.#agent = new Agent({ ca: controlPlane.ca, keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('secureConnection', (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('error', () => {}); // a client that goes is no failure of the proxy
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#serve(request, response).catch(() => request.socket.destroy());
    });
  }

  static async start(controlPlane: ControlPlane): Promise<FaultProxy> {
    const { key, certificate } = controlPlane.serving;
    const server = createServer({ key, cert: certificate, ALPNProtocols: ['http/1.1'], keepAliveTimeout: 0 });
    server.requestTimeout = 0;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new FaultProxy(controlPlane, server);
  }

  /** Connections of clients that are open now. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  /**
   * From now on, `times` requests (default: 1) that match get this fault, the first `skip` of them spared. Older rules
   * come first; one rule at most is applied to a request.
   */
  on(match: Match, fault: Fault, options: RuleOptions = {}): FaultRule {
    const rule = new Rule(match, fault, options);
    this.#rules.push(rule);
    return rule;
  }

  /** No faults any more; what was held goes on. */
  clear(): void {
    for (const rule of this.#rules) rule.release();
    this.#rules = [];
  }

  /** How many requests of each verb there were: `{ list: 2, watch: 3 }`. */
  countByVerb(resource?: string): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const seen of this.requests)
      if (resource === undefined || seen.resource === resource) counts[seen.verb] = (counts[seen.verb] ?? 0) + 1;
    return counts;
  }

  /** Breaks every open connection, watches among them, as a load balancer does that is replaced. */
  breakConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Path of a kubeconfig with the same credentials that goes through here. They have to be a token. */
  async kubeconfigFor(kubeconfig: string = this.#controlPlane.kubeconfig): Promise<string> {
    const fields = await readKubeconfig(kubeconfig);
    if (!('token' in fields.credentials))
      throw new Error(`${kubeconfig} has a client certificate, which ends at a proxy`);
    const path = join(
      this.#controlPlane.directory,
      `proxy-${new URL(this.url).port}-${++this.#kubeconfigs}.kubeconfig`,
    );
    return writeKubeconfig(path, { ...fields, url: this.url });
  }

  async stop(): Promise<void> {
    this.clear();
    this.breakConnections();
    for (const request of this.#upstream) request.destroy();
    this.#agent.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: target = '/' } = request;
    const seen = {
      ...describeRequest(method, target),
      method,
      target,
      userAgent: request.headers['user-agent'] ?? '',
    };
    this.requests.push(seen);
    const rule = this.#rules.find((it) => it.take(seen));
    try {
      await this.#apply(rule, seen, request, response);
    } finally {
      if (rule !== undefined) rule.done++;
    }
  }

  async #apply(
    rule: Rule | undefined,
    { method, target }: SeenRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const fault = rule?.fault;
    const body = await bodyOf(request);

    if (fault?.kind === 'answer') return answer(response, fault);
    if (fault?.kind === 'expire-watch') return expireWatch(response);
    if (fault?.kind === 'drop-request') return void request.socket.destroy();
    if (fault?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === 'hold') await rule?.hold();
    if (request.socket.destroyed) return;

    const upstream = httpsRequest(`${this.#controlPlane.url}${target}`, {
      method,
      agent: this.#agent,
      headers: { ...headersOf(request), 'content-length': body.length },
    });
    this.#upstream.add(upstream);
    upstream.once('close', () => this.#upstream.delete(upstream));
    response.once('close', () => upstream.destroy());
    await new Promise<void>((resolve, reject) => {
      upstream.once('error', reject);
      upstream.once('response', (incoming) => {
        incoming.once('error', reject);
        relay(incoming, response, fault).then(resolve, reject);
      });
      upstream.end(body);
    });
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function relay(incoming: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
  if (fault?.kind === 'drop-answer') {
    incoming.resume();
    incoming.socket.destroy();
    response.socket?.destroy();
    return;
  }
  response.writeHead(incoming.statusCode ?? 502, headersOf(incoming));
  response.flushHeaders();
  const limit = fault?.kind === 'cut-answer' ? bytes(fault.afterBytes) : eventLimit(fault);
  for await (const part of incoming) {
    const { pass, isOver } = limit(part as Buffer);
    if (pass.length > 0) await write(response, pass);
    if (!isOver) continue;
    if (fault?.kind === 'end-watch') break;
    response.socket?.destroy();
    return;
  }
  response.end();
}

/** What of the next part of an answer is passed on, and whether that was all. */
type Limit = (part: Buffer) => { pass: Buffer; isOver: boolean };

function bytes(left: number): Limit {
  return (part) => {
    const pass = part.subarray(0, left);
    left -= pass.length;
    return { pass, isOver: left <= 0 };
  };
}

/** A watch sends one event a line. */
function eventLimit(fault: Fault | undefined): Limit {
  if (fault?.kind !== 'cut-watch' && fault?.kind !== 'end-watch') return (part) => ({ pass: part, isOver: false });
  let left = fault.afterEvents;
  return (part) => {
    let end = 0;
    while (left > 0) {
      const newline = part.indexOf('\n', end);
      if (newline < 0) return { pass: part, isOver: false };
      end = newline + 1;
      left--;
    }
    return { pass: part.subarray(0, end), isOver: true };
  };
}

/** Resolves when the bytes are with the kernel, so that a connection that is broken next has delivered them. */
function write(response: ServerResponse, part: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(part, (error) => (error ? reject(error) : resolve()));
  });
}

/** Those of the message; those of the connection each side makes itself. */
function headersOf(incoming: IncomingMessage): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(incoming.headers))
    if (value !== undefined && !['connection', 'keep-alive', 'transfer-encoding'].includes(name)) headers[name] = value;
  return headers;
}

const REASONS: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function status(code: number, reason = REASONS[code] ?? 'Unknown', retryAfterSeconds?: number): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `the fault proxy says ${code}`,
    reason,
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
    code,
  };
}

function answer(response: ServerResponse, fault: Extract<Fault, { kind: 'answer' }>): void {
  const { retryAfterSeconds, reason } = fault;
  response.writeHead(fault.status, {
    'content-type': 'application/json',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(JSON.stringify(status(fault.status, reason, retryAfterSeconds)));
}

function expireWatch(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ type: 'ERROR', object: status(410) })}\n`);
}
