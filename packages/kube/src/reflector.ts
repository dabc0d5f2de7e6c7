import { Registry } from 'prom-client';
import { onAbort } from './abort.js';
import type { KubeApi, Selection, WatchEvent } from './api.js';
import { Backoff } from './backoff.js';
import { type Environment, type KubeLogger, sleep } from './environment.js';
import { isExpired, isForbidden, KubeApiError } from './error.js';
import type { Kind } from './kind.js';
import { listAll } from './list.js';
import { withFields } from './log-fields.js';
import type { KubeObject } from './object.js';
import { ReflectorMetrics } from './reflector-metrics.js';
import { isNewer } from './resource-version.js';
import { untilAborted } from './until-aborted.js';

/** Where a reflector puts what it sees: a {@link StoreScope}, usually. Called in order, never again after the abort. */
export interface ReflectorSink<T extends KubeObject> {
  /** Everything there is, as of a version. */
  replace(items: readonly T[], version: string): void;
  see(event: WatchEvent<T>): void;
}

export interface ReflectorOptions<T extends KubeObject> extends Selection {
  readonly api: Pick<KubeApi, 'list' | 'watch'>;
  readonly kind: Kind<T>;
  readonly sink: ReflectorSink<T>;
  readonly environment: Environment;
  readonly registry?: Registry;
  /** Makes less of each object before it is kept; without `managedFields` when left out. */
  readonly transform?: (object: T) => T;
  readonly pageSize?: number;
  /** Silence of a watch in ms, after which it is begun anew; 4 min when left out. */
  readonly stallMs?: number;
  /** Called when {@link Reflector.refused} has changed. */
  readonly onRefused?: (refused: boolean) => void;
}

/** The server ends each watch after so many seconds, and up to as many again: connections wander, not all at once. */
const WATCH_SECONDS = 300;
const STALL_MS = 240_000;
/** Of the time after which silence is a fault: where silence is usual, the server's own end of a watch comes before it. */
const QUIET_PART = 0.4;
/** A watch that lived for so long, in ms, was a success: the next failure is a first one again. */
const HEALTHY_MS = 10_000;
const SHORT_MS = 1_000;

/**
 * Keeps a sink equal to what the API server has of a kind: LIST, then WATCH from there, with client-go's rules. A watch
 * that ends or is cut goes on where it was; one that is too old (410), or that the server fails with any other error,
 * begins with a new list. It never gives up.
 */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #environment: Environment;
  readonly #log: KubeLogger;
  readonly #metrics: ReflectorMetrics;
  readonly #name: string;
  readonly #backoff: Backoff;
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #running = false;
  #refused = false;
  /** Where to watch from; undefined: a list is due. */
  #version: string | undefined;

  constructor(options: ReflectorOptions<T>) {
    const { environment, kind, namespace, registry = new Registry() } = options;
    this.#options = options;
    this.#environment = environment;
    this.#name = nameOf(kind);
    this.#log = withFields(environment.log, { kind: this.#name, ...(namespace === undefined ? {} : { namespace }) });
    this.#metrics = ReflectorMetrics.of(registry);
    this.#metrics.lists.inc({ name: this.#name }, 0);
    this.#metrics.watches.inc({ name: this.#name }, 0);
    this.#backoff = new Backoff(environment.random);
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** The server does not let us read (403), as it said last: what is in the sink is as it was before that, or not yet. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Settles when the first list is in the sink; never, when the server cannot be reached. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /**
   * One run at a time; a later one goes on where the last was.
   *
   * @returns settles when the signal is aborted; nothing runs or waits any more then
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#running) throw new Error(`the reflector of ${this.#name} runs already`);
    this.#running = true;
    try {
      while (!signal.aborted) {
        try {
          if (this.#version === undefined) await this.#list(signal);
          else await this.#watch(this.#version, signal);
        } catch (error) {
          if (signal.aborted) break;
          this.#failed(error);
          await sleep(this.#environment.clock, this.#backoff.next(), signal);
        }
      }
    } finally {
      this.#running = false;
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, kind, sink, pageSize } = this.#options;
    const { clock } = this.#environment;
    const began = clock.monotonic();
    this.#metrics.lists.inc({ name: this.#name });
    const options = { ...this.#selection(), signal, ...(pageSize === undefined ? {} : { pageSize }) };
    const listed = await untilAborted(signal, listAll(api, kind, options));
    if (listed === undefined) return;
    const { items, resourceVersion } = listed;
    this.#metrics.listSeconds.observe({ name: this.#name }, (clock.monotonic() - began) / 1000);
    this.#metrics.listItems.observe({ name: this.#name }, items.length);
    sink.replace(items.map(this.#transform), resourceVersion);
    this.#version = resourceVersion;
    this.#hasSynced = true;
    this.#synced.resolve();
    this.#refuse(false);
  }

  #refuse(refused: boolean): void {
    if (this.#refused === refused) return;
    this.#refused = refused;
    this.#options.onRefused?.(refused);
  }

  async #watch(from: string, signal: AbortSignal): Promise<void> {
    const { api, kind, stallMs = STALL_MS } = this.#options;
    const { clock, random } = this.#environment;
    const cut = new AbortController();
    const forget = onAbort(signal, () => cut.abort());
    const began = clock.monotonic();
    this.#metrics.watches.inc({ name: this.#name });
    const least = kind.bookmarks === false ? Math.min(WATCH_SECONDS, (QUIET_PART * stallMs) / 1000) : WATCH_SECONDS;
    const timeoutSeconds = Math.ceil(least * (1 + random()));
    const watch = api.watch(kind, {
      ...this.#selection(),
      resourceVersion: from,
      timeoutSeconds,
      signal: cut.signal,
    });
    const events = watch[Symbol.asyncIterator]();
    let seen = 0;
    try {
      for (;;) {
        const cancel = clock.after(stallMs, () => cut.abort());
        const step = await untilAborted(cut.signal, events.next()).finally(cancel);
        if (signal.aborted) return;
        if (step === undefined) throw new StalledWatchError(`the watch was silent for ${stallMs} ms`);
        if (step.done === true) break;
        if (step.value.type !== 'BOOKMARK') seen++;
        this.#see(step.value);
      }
    } finally {
      forget();
      cut.abort();
      // It may never settle when the other side hangs: nobody waits for it.
      events.return?.()?.then(nothing, nothing);
      if (clock.monotonic() - began >= HEALTHY_MS) this.#backoff.reset();
    }
    if (seen > 0 || clock.monotonic() - began >= SHORT_MS) return;
    this.#metrics.shortWatches.inc({ name: this.#name });
    throw new ShortWatchError('the server ended the watch at once');
  }

  #see(event: WatchEvent<T>): void {
    const { sink } = this.#options;
    if (event.type === 'BOOKMARK') sink.see(event);
    else sink.see({ type: event.type, object: this.#transform(event.object) });
    const version = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata.resourceVersion;
    // An event that comes twice does not take the watch back.
    if (this.#version === undefined || !isNewer(this.#version, version)) this.#version = version;
  }

  readonly #transform = (object: T): T => (this.#options.transform ?? withoutManagedFields)(object);

  #failed(error: unknown): void {
    const said = this.#refused;
    // A watch that is refused is followed by a list, which tells whether anything may be read.
    if (this.#version === undefined && isForbidden(error)) this.#refuse(true);
    const again = goesOn(error) && this.#version !== undefined ? 'the watch goes on where it was' : 'a new list comes';
    if (!goesOn(error)) this.#version = undefined;
    this.#metrics.errors.inc({ name: this.#name, reason: reasonOf(error) });
    if (isExpired(error)) this.#log.info({ reason: reasonOf(error) }, `the watch is too old; ${again}`);
    else if (said && isForbidden(error)) this.#log.debug({ why: error }, 'still refused');
    else if (error instanceof KubeApiError || error instanceof StalledWatchError || error instanceof ShortWatchError) {
      this.#log.warn({ reason: reasonOf(error), why: error.message }, `what is watched may be late; ${again}`);
    } else this.#log.error({ err: error }, `a reflector failed by itself; ${again}`);
  }

  #selection(): Selection {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }
}

class StalledWatchError extends Error {
  override readonly name = 'StalledWatchError';
}

class ShortWatchError extends Error {
  override readonly name = 'ShortWatchError';
}

/** `jobs.batch`, `pods`: names a kind in metrics and logs. */
export function nameOf({ plural, group }: Pick<Kind<KubeObject>, 'plural' | 'group'>): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** Half of many an object, and nothing a controller reads. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!('managedFields' in object.metadata)) return object;
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields: unknown };
  return { ...object, metadata };
}

/** Nothing was lost as far as one can tell: the connection failed, or the server asks for patience. */
function goesOn(error: unknown): boolean {
  if (error instanceof StalledWatchError || error instanceof ShortWatchError) return true;
  if (!(error instanceof KubeApiError)) return false;
  return error.status === 429 || (error.status === 0 && error.reason !== 'InvalidAnswer');
}

/** Of a bounded set, for a label: the server's words are names like `Expired`. */
function reasonOf(error: unknown): string {
  if (error instanceof StalledWatchError) return 'Stalled';
  if (error instanceof ShortWatchError) return 'Short';
  if (!(error instanceof KubeApiError)) return 'Internal';
  return /^[A-Z][A-Za-z0-9]{0,40}$/.test(error.reason) ? error.reason : 'Unknown';
}

function nothing(): void {}
