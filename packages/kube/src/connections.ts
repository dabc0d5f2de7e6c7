import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { type Access, connectionIdentity } from './server-access.js';

/**
 * The connections to one API server, shared by all calls and watches: over HTTP/2 that is one, over HTTP/1.1 one for
 * each at a time. Material that has changed (an authority, a client certificate) makes new ones; those before end
 * when their last call or watch does.
 */
export class Connections {
  readonly #connectTimeoutMs: number;
  readonly #retiring = new Set<Dispatcher>();
  #current: { readonly identity: string; readonly dispatcher: Dispatcher } | undefined;
  #closed = false;

  constructor(connectTimeoutMs: number) {
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** @throws Error when they are closed */
  to(access: Access): Dispatcher {
    if (this.#closed) throw new Error('this client is closed');
    const identity = connectionIdentity(access);
    if (this.#current?.identity === identity) return this.#current.dispatcher;
    if (this.#current !== undefined) this.#retire(this.#current.dispatcher);
    const dispatcher = this.#make(access);
    this.#current = { identity, dispatcher };
    return dispatcher;
  }

  /** Cuts all connections. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#retiring, ...(this.#current === undefined ? [] : [this.#current.dispatcher])];
    this.#current = undefined;
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  #retire(dispatcher: Dispatcher): void {
    this.#retiring.add(dispatcher);
    dispatcher.close().then(
      () => this.#retiring.delete(dispatcher),
      () => this.#retiring.delete(dispatcher),
    );
  }

  #make({ tls, proxy }: Access): Dispatcher {
    // Load balancers drop what is idle for a minute: speak before that.
    const connect = { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000, preferH2: true };
    const options = {
      connectTimeout: this.#connectTimeoutMs,
      keepAliveTimeout: 60_000,
      keepAliveMaxTimeout: 600_000,
      // Each call sets its own.
      headersTimeout: 0,
      bodyTimeout: 0,
      // A watch that nobody reads for a moment must not hold up the calls beside it.
      h2Options: { connectionWindowSize: 128 * 2 ** 20, pingInterval: 30_000 },
    };
    return proxy === undefined
      ? new Agent({ ...options, connect })
      : new ProxyAgent({ ...options, uri: proxy, requestTls: connect });
  }
}
