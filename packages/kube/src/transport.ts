import type { IncomingHttpHeaders } from 'node:http';
import { arch, platform } from 'node:process';
import { Registry } from 'prom-client';
import type { Dispatcher } from 'undici';
import { aborted, errorOfAnswer, invalidAnswer } from './answer.js';
import { Attempt } from './attempt.js';
import { Connections } from './connections.js';
import { type Environment, sleep } from './environment.js';
import { KubeApiError } from './error.js';
import { Gate } from './gate.js';
import { DEFAULT_RETRY, type RetryPolicy, type RetryRule, retryDelay } from './retry.js';
import type { ServerAccess } from './server-access.js';
import { TransportMetrics, type Verb } from './transport-metrics.js';
import { untilAborted } from './until-aborted.js';

export interface TransportOptions {
  readonly access: ServerAccess;
  readonly environment: Environment;
  /** For the metrics of requests. */
  readonly registry?: Registry;
  /** Who asks, in the server's audit log: `name/version`. */
  readonly userAgent?: string;
  /** Calls under way at a time, watches not counted; 64 when left out. More wait. */
  readonly maxConcurrentCalls?: number;
  /** Longest time of one try of a call in ms, and until a watch is open; 30 s when left out. */
  readonly timeoutMs?: number;
  /** Longest time to make a connection in ms; 10 s when left out. */
  readonly connectTimeoutMs?: number;
  /** Longest silence of a watch in ms, after which it is cut; 3 min when left out. Bookmarks come each minute. */
  readonly watchStallMs?: number;
  /** Largest answer read, in bytes; 128 MiB when left out. */
  readonly maxAnswerBytes?: number;
  readonly retry?: Partial<RetryPolicy>;
}

/** One call, which may take several tries. */
export interface Call {
  readonly verb: Verb;
  readonly method: Dispatcher.HttpMethod;
  /** Escaped, from `/api` on. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: object;
  /** Of the body; application/json when left out. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly retry: RetryRule;
  /** Does not wait until others are done. */
  readonly urgent?: boolean;
  /** 404 after a try that was not answered: that try did it. */
  readonly goneIsDone?: boolean;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the API server takes at most in one request. */
const MAX_REQUEST_BYTES = 3 * 2 ** 20;
const SECOND = 1000;

/** Sends calls to one API server, and again when that is right. All its connections are shared. */
export class Transport {
  readonly #access: ServerAccess;
  readonly #environment: Environment;
  readonly #metrics: TransportMetrics;
  readonly #userAgent: string;
  readonly #timeoutMs: number;
  readonly #watchStallMs: number;
  readonly #maxAnswerBytes: number;
  readonly #retry: RetryPolicy;
  readonly #gate: Gate;
  readonly #connections: Connections;

  constructor(options: TransportOptions) {
    this.#access = options.access;
    this.#environment = options.environment;
    this.#metrics = TransportMetrics.of(options.registry ?? new Registry());
    this.#userAgent = `${options.userAgent ?? 'mediajob-kube'} (${platform}/${arch})`;
    this.#timeoutMs = options.timeoutMs ?? 30 * SECOND;
    this.#watchStallMs = options.watchStallMs ?? 180 * SECOND;
    this.#maxAnswerBytes = options.maxAnswerBytes ?? 128 * 2 ** 20;
    this.#retry = { ...DEFAULT_RETRY, ...options.retry };
    this.#gate = new Gate(options.maxConcurrentCalls ?? 64);
    this.#connections = new Connections(options.connectTimeoutMs ?? 10 * SECOND);
  }

  /**
   * @returns the answer's JSON; undefined for one without a body
   * @throws KubeApiError
   */
  async json(call: Call): Promise<unknown> {
    const { clock } = this.#environment;
    const asked = clock.monotonic();
    const leave = call.urgent === true ? () => {} : await this.#gate.enter(call.signal);
    if (leave === undefined) throw aborted(requestOf(call), call.signal);
    this.#metrics.waitSeconds.observe({ verb: call.verb }, (clock.monotonic() - asked) / SECOND);
    try {
      return await this.#untilAnswered(call);
    } finally {
      leave();
    }
  }

  async #untilAnswered(call: Call): Promise<unknown> {
    const { clock, random } = this.#environment;
    let unsure = false;
    for (let tried = 1; ; tried++) {
      try {
        return parsed(requestOf(call), await this.#answered(call));
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error;
        if (unsure && call.goneIsDone === true && error.status === 404) return undefined;
        const wait = retryDelay(error, call.retry, tried, this.#retry, random);
        if (wait === undefined) throw error;
        this.#metrics.retries.inc({ code: codeOf(error.status), verb: call.verb });
        unsure ||= error.status !== 429;
        await sleep(clock, wait, call.signal);
      }
    }
  }

  /** One try; two, when the credentials had to be renewed. */
  async #answered(call: Call): Promise<Answer> {
    let answer = await this.#once(call);
    if (answer.status === 401) {
      await this.#access.renew();
      answer = await this.#once(call);
    }
    if (answer.status < 200 || answer.status > 299) {
      throw errorOfAnswer(requestOf(call), answer.status, answer.headers, answer.body);
    }
    return answer;
  }

  async #once(call: Call): Promise<Answer> {
    const attempt = new Attempt(requestOf(call), this.#environment.clock, call.signal);
    const timeoutMs = call.timeoutMs ?? this.#timeoutMs;
    attempt.limit(timeoutMs, `no answer came within ${timeoutMs} ms`);
    const done = this.#measure(call);
    try {
      const { statusCode, headers, body } = await this.#send(call, attempt, timeoutMs);
      const text = await this.#read(requestOf(call), statusCode, body);
      done(statusCode);
      return { status: statusCode, headers, body: text };
    } catch (error) {
      done(0);
      throw attempt.failure(error);
    } finally {
      attempt.end();
    }
  }

  /**
   * The chunks of an answer without an end of its own. Ends when the server ends it.
   *
   * @throws KubeApiError when it cannot be opened, is cut, or stays silent for too long; Aborted by the signal
   */
  async *stream(call: Call): AsyncGenerator<Uint8Array, void, undefined> {
    const attempt = new Attempt(requestOf(call), this.#environment.clock, call.signal);
    try {
      const body = await this.#opened(call, attempt);
      const listen = () => attempt.limit(this.#watchStallMs, `the watch was silent for ${this.#watchStallMs} ms`);
      listen();
      for await (const chunk of body) {
        listen();
        yield chunk as Uint8Array;
      }
      // An aborted body may also just end.
      if (attempt.signal.aborted) throw attempt.failure(undefined);
    } catch (error) {
      throw attempt.failure(error);
    } finally {
      attempt.end();
    }
  }

  async #opened(call: Call, attempt: Attempt): Promise<AsyncIterable<unknown>> {
    const timeoutMs = call.timeoutMs ?? this.#timeoutMs;
    for (let tried = 1; ; tried++) {
      attempt.limit(timeoutMs, `the watch was not open within ${timeoutMs} ms`);
      const done = this.#measure(call);
      try {
        const { statusCode, headers, body } = await this.#send(call, attempt, timeoutMs);
        done(statusCode);
        if (statusCode >= 200 && statusCode <= 299) return body;
        const text = await this.#read(requestOf(call), statusCode, body);
        if (statusCode !== 401 || tried > 1) throw errorOfAnswer(requestOf(call), statusCode, headers, text);
      } catch (error) {
        done(0);
        throw error;
      }
      await this.#access.renew();
    }
  }

  async #send(call: Call, attempt: Attempt, timeoutMs: number): Promise<Dispatcher.ResponseData> {
    if (attempt.signal.aborted) throw attempt.failure(undefined);
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    if (body !== undefined && body.length > MAX_REQUEST_BYTES) throw tooLarge(requestOf(call), body.length);
    // A plugin that hangs is no reason to wait for longer.
    const access = await untilAborted(attempt.signal, this.#access.current());
    if (access === undefined) throw attempt.failure(undefined);
    return this.#connections.to(access).request({
      origin: access.server.origin,
      path: access.server.pathname.replace(/\/+$/, '') + call.path + queryOf(call.query),
      method: call.method,
      headers: {
        ...access.headers,
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
      },
      body: body ?? null,
      signal: attempt.signal,
      // A little before our own limit: then undici also asks the connection whether it still lives.
      headersTimeout: Math.ceil(timeoutMs * 0.95),
      bodyTimeout: 0,
    });
  }

  async #read(request: string, status: number, body: AsyncIterable<unknown>): Promise<string> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > this.#maxAnswerBytes)
        throw invalidAnswer(request, `has more than ${this.#maxAnswerBytes} bytes`, status);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** @returns takes the status, 0 for none; only its first call counts */
  #measure({ method, verb }: Call): (status: number) => void {
    const began = this.#environment.clock.monotonic();
    let measured = false;
    return (status) => {
      if (measured) return;
      measured = true;
      this.#metrics.requests.inc({ code: codeOf(status), method });
      this.#metrics.seconds.observe({ verb }, (this.#environment.clock.monotonic() - began) / SECOND);
    };
  }

  /** Cuts all connections: to be called when everything that uses this has ended. */
  async close(): Promise<void> {
    await this.#connections.close();
  }
}

export function requestOf({ method, path }: Pick<Call, 'method' | 'path'>): string {
  return `${method} ${path}`;
}

function queryOf(query: Call['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function parsed(request: string, { status, body }: Answer): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    // V8 quotes the text in its message: it must not get into logs.
    throw invalidAnswer(request, 'is not JSON', status);
  }
}

function tooLarge(request: string, bytes: number): KubeApiError {
  return new KubeApiError(`${request} was not sent: it has ${bytes} bytes, and the server takes ${MAX_REQUEST_BYTES}`, {
    status: 413,
    reason: 'RequestEntityTooLarge',
  });
}

const codeOf = (status: number): string => (status === 0 ? '<error>' : String(status));
