import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { type Credentials, readKubeconfig } from './kubeconfig.ts';

/** Any object of the API. What a test wants of spec and status it names with `T`. */
export interface Resource {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    generation?: number;
    creationTimestamp: string;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
  };
}

export interface ResourceList<T> {
  items: T[];
  metadata: { resourceVersion: string; continue?: string };
}

export interface WatchLine<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

/** An answer that is not 2xx: the API server's Status. */
export class StatusError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(what: string, status: number, body: string) {
    let reason = '';
    let message = body.slice(0, 500);
    try {
      const parsed = JSON.parse(body) as { reason?: string; message?: string };
      reason = parsed.reason ?? '';
      message = parsed.message ?? message;
    } catch {
      // no JSON: the text itself is the message
    }
    super(`${what}: ${status} ${reason} ${message}`.trim());
    this.name = 'StatusError';
    this.status = status;
    this.reason = reason;
  }
}

export interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

const MERGE = 'application/merge-patch+json';

/**
 * A plain client by path, for tests to look at and to change the API server with. It shares no code with what is tested,
 * and retries nothing.
 */
export class KubeClient {
  readonly url: string;
  readonly #options: RequestOptions;
  readonly #agent: Agent;

  constructor(url: string, ca: string, credentials: Credentials) {
    this.url = url;
    const byToken = 'token' in credentials;
    this.#agent = new Agent({
      ca,
      keepAlive: true,
      ...(byToken ? {} : { cert: credentials.certificate, key: credentials.key }),
    });
    this.#options = { agent: this.#agent, headers: byToken ? { authorization: `Bearer ${credentials.token}` } : {} };
  }

  static async of(kubeconfig: string): Promise<KubeClient> {
    const { url, ca, credentials } = await readKubeconfig(kubeconfig);
    return new KubeClient(url, ca, credentials);
  }

  /** @throws StatusError, or what the connection says */
  async call<T>(path: string, call: Call = {}): Promise<T> {
    const answer = await this.#send(path, call);
    answer.setEncoding('utf8');
    let text = '';
    for await (const part of answer) text += part;
    const status = answer.statusCode ?? 0;
    if (status < 200 || status > 299) throw new StatusError(`${call.method ?? 'GET'} ${path}`, status, text);
    const isJson = answer.headers['content-type']?.includes('json') === true;
    return (isJson ? JSON.parse(text) : text) as T;
  }

  get<T = Resource>(path: string): Promise<T> {
    return this.call<T>(path);
  }

  async list<T = Resource>(path: string): Promise<T[]> {
    return (await this.call<ResourceList<T>>(path)).items;
  }

  create<T = Resource>(path: string, body: unknown): Promise<T> {
    return this.call<T>(path, { method: 'POST', body });
  }

  replace<T = Resource>(path: string, body: unknown): Promise<T> {
    return this.call<T>(path, { method: 'PUT', body });
  }

  /** A merge patch. */
  patch<T = Resource>(path: string, body: unknown): Promise<T> {
    return this.call<T>(path, { method: 'PATCH', body, contentType: MERGE });
  }

  delete(path: string, options: object = {}): Promise<unknown> {
    return this.call(path, {
      method: 'DELETE',
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', ...options },
    });
  }

  /** Undefined when it is not there. */
  async find<T = Resource>(path: string): Promise<T | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof StatusError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Lines of a watch until the server ends it, the signal is aborted (no error) or the connection breaks (an error). */
  async *watch<T = Resource>(
    path: string,
    query: Record<string, string>,
    signal: AbortSignal,
  ): AsyncGenerator<WatchLine<T>> {
    const separator = path.includes('?') ? '&' : '?';
    try {
      const answer = await this.#send(`${path}${separator}${new URLSearchParams({ watch: 'true', ...query })}`, {
        signal,
      });
      if (answer.statusCode !== 200) {
        let text = '';
        for await (const part of answer.setEncoding('utf8')) text += part;
        throw new StatusError(`WATCH ${path}`, answer.statusCode ?? 0, text);
      }
      let rest = '';
      for await (const part of answer.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = `${rest}${part}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as WatchLine<T>;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(
    path: string,
    { method = 'GET', body, contentType = 'application/json', signal }: Call,
  ): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        `${this.url}${path}`,
        {
          ...this.#options,
          method,
          headers: {
            ...this.#options.headers,
            accept: 'application/json',
            'user-agent': 'mediajob-test',
            ...(text === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
          },
          ...(signal ? { signal } : {}),
        },
        resolve,
      );
      request.once('error', reject);
      request.end(text);
    });
  }
}
