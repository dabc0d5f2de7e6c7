import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import {
  createDependency,
  type Dependency,
  DependencyUnavailableError,
  outgoingHeaders,
  type ServiceMetrics,
} from '@mediajob/service';
import { Agent, request } from 'undici';
import type { OwnVolume } from './own-volume.js';

export interface WorkerAnswer {
  readonly status: number;
  /** Parsed JSON, or undefined when the body is something else. */
  readonly body: unknown;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly timeoutMs?: number;
  /** true: 503 is an answer too, such as that of a health check. */
  readonly accept503?: boolean;
  /** true: it is about a file; only workers on main's own volume are asked. */
  readonly ofVolume?: boolean;
}

const TIMEOUT_MS = 3000;
const MAX_ANSWER = 4 * 1024 * 1024;
/** For so long a worker is taken to be where it was. */
const SAME_PLACE_MS = 5000;

/** The worker answered that it cannot now: another one may. */
class WorkerBusyError extends Error {
  override readonly name = 'WorkerBusyError';
  readonly code = 'worker-busy';
  readonly transient = true;
}

/**
 * Short questions to the workers of one kind, answered by any of them: the addresses of all are tried in turn, each
 * behind a breaker of its own, so that one that is down costs nothing once that is known. (Runs have their own client:
 * they stay with one instance.)
 */
export class WorkerCalls {
  readonly #name: 'converter' | 'transcriber';
  readonly #urls: readonly string[];
  readonly #metrics: Pick<ServiceMetrics, 'dependencyUp' | 'breakerState'>;
  readonly #agent = new Agent({ connect: { timeout: 2000 }, keepAliveTimeout: 10_000 });
  readonly #dependencies = new Map<string, Dependency>();
  readonly #places = new Map<string, { readonly at: number; readonly elsewhere: boolean }>();
  /** Which volume the workers ought to be on. */
  readonly volume: OwnVolume;
  #next = 0;

  constructor(
    name: 'converter' | 'transcriber',
    urls: readonly string[],
    metrics: Pick<ServiceMetrics, 'dependencyUp' | 'breakerState'>,
    volume: OwnVolume,
  ) {
    this.#name = name;
    this.#urls = urls;
    this.#metrics = metrics;
    this.volume = volume;
  }

  /** Base addresses of all instances known now: a name that stands for several addresses means several instances. */
  async addresses(): Promise<string[]> {
    const found = await Promise.all(this.#urls.map(expand));
    return [...new Set(found.flat())];
  }

  /**
   * Asks the instances in turn until one answers; a 503 is not an answer.
   *
   * @throws DependencyUnavailableError when none does
   */
  async call(method: 'GET' | 'POST', path: string, options: CallOptions = {}): Promise<WorkerAnswer> {
    const addresses = await this.addresses();
    const first = this.#next++;
    let last: unknown;
    for (let i = 0; i < addresses.length; i++) {
      const address = addresses[(first + i) % addresses.length] ?? '';
      try {
        if (options.ofVolume === true && (await this.#isElsewhere(address))) continue;
        return await this.ask(address, method, path, options);
      } catch (error) {
        if (!(error instanceof DependencyUnavailableError)) throw error;
        last = error;
      }
    }
    throw new DependencyUnavailableError(this.#name, `no ${this.#name} can be reached`, last);
  }

  /** Asks one instance. @throws DependencyUnavailableError */
  async ask(address: string, method: 'GET' | 'POST', path: string, options: CallOptions = {}): Promise<WorkerAnswer> {
    return this.#dependency(address).call((signal) => this.#send(`${address}${path}`, method, options, signal));
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #isElsewhere(address: string): Promise<boolean> {
    const known = this.#places.get(address);
    if (known !== undefined && performance.now() - known.at < SAME_PLACE_MS) return known.elsewhere;
    const { body } = await this.ask(address, 'GET', '/health', { accept503: true });
    const elsewhere = await this.volume.isMissing(body);
    this.#places.set(address, { at: performance.now(), elsewhere });
    return elsewhere;
  }

  #dependency(address: string): Dependency {
    const known = this.#dependencies.get(address);
    if (known) return known;
    // Each try has its own time limit (#send); this one only bounds what undici might forget.
    const made = createDependency({ name: this.#name, timeoutMs: 90_000, retries: 0, metrics: this.#metrics });
    this.#dependencies.set(address, made);
    return made;
  }

  async #send(url: string, method: 'GET' | 'POST', options: CallOptions, signal: AbortSignal): Promise<WorkerAnswer> {
    const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const answer = await request(url, {
      method,
      dispatcher: this.#agent,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal,
      headers: {
        ...outgoingHeaders(),
        accept: 'application/json',
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer.body) {
      bytes += (chunk as Buffer).length;
      if (bytes > MAX_ANSWER) throw new WorkerBusyError(`${url} answered more than ${MAX_ANSWER} bytes`);
      chunks.push(chunk as Buffer);
    }
    if (answer.statusCode === 503 && options.accept503 !== true) throw new WorkerBusyError(`${url} answered 503`);
    return { status: answer.statusCode, body: parsed(Buffer.concat(chunks).toString('utf8')) };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One base address for each IP address that the host of a URL stands for. */
async function expand(url: string): Promise<string[]> {
  const base = new URL(url);
  const plain = `${base.origin}${base.pathname.replace(/\/+$/, '')}`;
  // A certificate is made for the name, so an https address keeps it.
  if (
    base.protocol === 'https:' ||
    base.hostname === 'localhost' ||
    isIP(base.hostname.replace(/^\[|\]$/g, '')) !== 0
  ) {
    return [plain];
  }
  try {
    const found = await lookup(base.hostname, { all: true });
    return found.map(({ address, family }) => plain.replace(base.hostname, family === 6 ? `[${address}]` : address));
  } catch {
    return [plain];
  }
}
