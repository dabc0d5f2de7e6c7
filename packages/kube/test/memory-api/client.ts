import { onAbort } from '../../src/abort.js';
import type {
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  KubeApi,
  ListOptions,
  Patch,
  WatchEvent,
  WatchOptions,
} from '../../src/api.js';
import type { Clock } from '../../src/environment.js';
import type { KubeApiError } from '../../src/error.js';
import type { Kind } from '../../src/kind.js';
import { type Draft, type KubeObject, keyOf, type ObjectRef, refKey } from '../../src/object.js';
import { aborted, timedOut, unreachable } from './errors.js';
import { matcher } from './selectors.js';
import type { MemoryServer } from './server.js';
import type { Scheduler } from './simulation.js';
import { seenBy, WatchStream } from './watch-stream.js';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'replace' | 'patch' | 'apply' | 'delete' | 'post';

/** One call, as the server's audit log has it. */
export interface Call {
  readonly client: string;
  readonly verb: Verb;
  /** Plural of the kind; the path of a POST. */
  readonly resource: string;
  /** `namespace/name`, as far as it is known. */
  readonly key: string;
  readonly subresource: 'status' | undefined;
  readonly fieldManager: string | undefined;
  readonly isWrite: boolean;
  /** What was sent: an object, a patch, options of a deletion. */
  readonly body: unknown;
  /** True time, in ms. */
  readonly sentAt: number;
  /** When the server did it; undefined while it has not, or when it refused. */
  appliedAt?: number;
}

/** What goes wrong with a call. */
export interface Fault {
  /** Whether the server does it all the same. */
  readonly applied: boolean;
  /** What the client hears; left out: nothing, until its call times out. */
  readonly answer?: KubeApiError;
}

export const lostBefore: Fault = { applied: false, answer: unreachable() };
export const lostAfter: Fault = { applied: true, answer: unreachable() };
export const unanswered: Fault = { applied: true };

export interface ClientOptions {
  readonly scheduler: Scheduler;
  /** Of the client's process: calls time out by it. */
  readonly clock: Clock;
  /** True time, for `calls`. */
  readonly now: () => number;
  /** For calls that say nothing else, in ms; 10 s when left out. */
  readonly timeoutMs?: number;
}

/** One process's way to a MemoryServer: each call is a step to the server and a step back. */
export class MemoryClient implements KubeApi {
  readonly name: string;
  /** Asked when a call arrives at the server. */
  faults: (call: Call) => Fault | undefined = () => undefined;
  /** Whether a request that its sender aborted is done all the same when it arrives; false: it never arrives. */
  abortedArrive: (call: Call) => boolean = () => false;
  /** All calls so far, in the order in which they were made. */
  readonly calls: Call[] = [];
  readonly #server: MemoryServer;
  readonly #options: ClientOptions;
  readonly #streams = new Map<WatchStream, string>();
  #dead = false;
  #held = new Set<string>();

  constructor(name: string, server: MemoryServer, options: ClientOptions) {
    this.name = name;
    this.#server = server;
    this.#options = options;
  }

  /** Calls that the server did and that change something. */
  get writes(): readonly Call[] {
    return this.calls.filter((it) => it.isWrite && it.appliedAt !== undefined);
  }

  get<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: CallOptions = {}): Promise<T> {
    return this.#call({ verb: 'get', kind, key: refKey(ref), options }, () => this.#server.get(kind, ref));
  }

  list<T extends KubeObject>(kind: Kind<T>, options: ListOptions = {}) {
    return this.#call({ verb: 'list', kind, key: options.namespace ?? '', options }, () =>
      this.#server.list(kind, options),
    );
  }

  create<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options: CallOptions = {}): Promise<T> {
    const body = structuredClone(object);
    const { namespace, name, generateName } = object.metadata;
    const key = refKey({ ...(namespace === undefined ? {} : { namespace }), name: name ?? `${generateName}…` });
    const writer = { fieldManager: this.name };
    return this.#call({ verb: 'create', kind, key, body, options }, () => this.#server.create(kind, body, writer));
  }

  replace<T extends KubeObject>(
    kind: Kind<T>,
    object: T,
    options: CallOptions & { readonly subresource?: 'status' } = {},
  ): Promise<T> {
    const body = structuredClone(object);
    const writer = { fieldManager: this.name, subresource: options.subresource };
    return this.#call({ verb: 'replace', kind, key: keyOf(object), body, options }, () =>
      this.#server.replace(kind, body, writer),
    );
  }

  patch<T extends KubeObject>(
    kind: Kind<T>,
    ref: ObjectRef,
    patch: Patch,
    options: CallOptions & { readonly subresource?: 'status'; readonly fieldManager?: string } = {},
  ): Promise<T> {
    const body = structuredClone(patch);
    const writer = { fieldManager: options.fieldManager ?? this.name, subresource: options.subresource };
    return this.#call({ verb: 'patch', kind, key: refKey(ref), body, options }, () =>
      this.#server.patch(kind, ref, body, writer),
    );
  }

  apply<T extends KubeObject>(kind: Kind<T>, object: Draft<T>, options: ApplyOptions): Promise<T> {
    const body = structuredClone(object);
    const { namespace, name = '' } = object.metadata;
    const key = refKey({ ...(namespace === undefined ? {} : { namespace }), name });
    return this.#call({ verb: 'apply', kind, key, body, options }, () => this.#server.apply(kind, body, options));
  }

  delete<T extends KubeObject>(kind: Kind<T>, ref: ObjectRef, options: DeleteOptions): Promise<void> {
    const { propagationPolicy, preconditions, gracePeriodSeconds } = options;
    const body = { propagationPolicy, preconditions, gracePeriodSeconds };
    return this.#call({ verb: 'delete', kind, key: refKey(ref), body, options }, () =>
      this.#server.delete(kind, ref, options),
    );
  }

  post<Answer>(path: string, body: object, options: CallOptions = {}): Promise<Answer> {
    const sent = structuredClone(body);
    return this.#call(
      { verb: 'post', kind: undefined, path, key: '', body: sent, options },
      () => this.#server.post(path, sent) as Answer,
    );
  }

  async *watch<T extends KubeObject>(kind: Kind<T>, options: WatchOptions) {
    const { signal, timeoutSeconds } = options;
    const label = `watch ${kind.plural}`;
    const stream = new WatchStream(this.#options.scheduler, this.name, label);
    let over = false;
    let unsubscribe = () => {};
    const ends = [onAbort(signal, () => stream.end(aborted(signal.reason)))];
    try {
      await this.#call({ verb: 'watch', kind, key: options.namespace ?? '', options: { signal } }, () => {
        if (over) return;
        const table = this.#server.table(kind);
        const matches = matcher(options, table.options.selectable ?? []);
        const events = this.#server.eventsSince(table, options.resourceVersion);
        const send = (event: (typeof events)[number]) => {
          const seen = seenBy(event, matches);
          if (seen !== undefined) stream.send(seen);
        };
        for (const event of events) send(event);
        table.listeners.add(send);
        unsubscribe = () => table.listeners.delete(send);
        this.#streams.set(stream, kind.plural);
        if (this.#held.has(kind.plural) || this.#held.has('')) stream.hold(true);
      });
      if (timeoutSeconds !== undefined) {
        ends.push(this.#options.clock.after(timeoutSeconds * 1000, () => stream.end()));
      }
      for await (const event of stream.events()) yield event as WatchEvent<T>;
    } finally {
      over = true;
      unsubscribe();
      this.#streams.delete(stream);
      for (const end of ends) end();
    }
  }

  /** Open watches, of one kind or of all. */
  watches(kind?: Kind<KubeObject>): number {
    return this.#chosen(kind).length;
  }

  /** Events that are on their way to this client. */
  get lag(): number {
    return [...this.#streams.keys()].reduce((sum, it) => sum + it.lag, 0);
  }

  /** Cuts open watches; events on their way are lost. Without an error they just end, as they do after a while. */
  cutWatches(kind?: Kind<KubeObject>, error?: KubeApiError): void {
    for (const stream of this.#chosen(kind)) stream.end(error);
  }

  /** Holds events back, also of watches that begin later, until they are released. */
  holdWatches(kind?: Kind<KubeObject>): void {
    this.#held.add(kind?.plural ?? '');
    for (const stream of this.#chosen(kind)) stream.hold(true);
  }

  releaseWatches(): void {
    this.#held = new Set();
    for (const stream of this.#streams.keys()) stream.hold(false);
  }

  /** Tells open watches how far they are. */
  sendBookmarks(kind?: Kind<KubeObject>): void {
    const resourceVersion = this.#server.version;
    for (const stream of this.#chosen(kind)) stream.send({ type: 'BOOKMARK', resourceVersion });
  }

  /** The process is gone: nothing is ever answered. Requests that are on their way arrive all the same. */
  kill(): void {
    this.#dead = true;
    for (const stream of this.#streams.keys()) stream.hold(true);
  }

  #chosen(kind?: Kind<KubeObject>): WatchStream[] {
    return [...this.#streams].filter(([, plural]) => kind === undefined || plural === kind.plural).map(([it]) => it);
  }

  #call<Result>(
    target: {
      readonly verb: Verb;
      readonly kind: Kind<KubeObject> | undefined;
      readonly path?: string;
      readonly key: string;
      readonly body?: unknown;
      readonly options: CallOptions & { readonly subresource?: 'status'; readonly fieldManager?: string };
    },
    execute: () => Result,
  ): Promise<Result> {
    const { verb, kind, path, key, body, options } = target;
    const { scheduler, clock, now, timeoutMs = 10_000 } = this.#options;
    if (this.#dead) return new Promise(() => {});
    if (options.signal?.aborted) return Promise.reject(aborted(options.signal.reason));
    const call: Call = {
      client: this.name,
      verb,
      resource: kind?.plural ?? path ?? '',
      key,
      subresource: options.subresource,
      fieldManager: options.fieldManager,
      isWrite: ['create', 'replace', 'patch', 'apply', 'delete'].includes(verb),
      body,
      sentAt: now(),
    };
    this.calls.push(call);
    const name = `${verb} ${call.resource}${options.subresource === undefined ? '' : '/status'} ${key}`;
    return new Promise<Result>((resolve, reject) => {
      const arrive = () => {
        const answer = this.#execute(call, execute);
        if (answer === undefined) return;
        const label = `answer to ${name}${answer.error === undefined ? '' : ` (${answer.error.reason})`}`;
        scheduler.post({ owner: this.name, label, run: () => settle(answer) });
      };
      const takeBack = scheduler.post({ owner: 'server', label: `${this.name} ${name}`, run: arrive });
      const giveUp = (error: KubeApiError) => {
        if (!this.abortedArrive(call)) takeBack();
        settle({ error });
      };
      const limit = options.timeoutMs ?? timeoutMs;
      const ends = [
        clock.after(limit, () => giveUp(timedOut(limit))),
        onAbort(options.signal, () => giveUp(aborted(options.signal?.reason))),
      ];
      const settle = (answer: Answer<Result>) => {
        for (const end of ends) end();
        if (this.#dead) return;
        if (answer.error !== undefined) reject(answer.error);
        else resolve(answer.result as Result);
      };
    });
  }

  #execute<Result>(call: Call, execute: () => Result): Answer<Result> | undefined {
    const fault = this.faults(call);
    let answer: Answer<Result>;
    if (fault?.applied === false) return fault.answer === undefined ? undefined : { error: fault.answer };
    try {
      answer = { result: execute() };
      call.appliedAt = this.#options.now();
    } catch (error) {
      answer = { error: error as KubeApiError };
    }
    if (fault === undefined) return answer;
    return fault.answer === undefined ? undefined : { error: fault.answer };
  }
}

interface Answer<Result> {
  readonly result?: Result;
  readonly error?: KubeApiError;
}
