import { Registry } from 'prom-client';
import type { KubeApi } from './api.js';
import { type Environment, sleep } from './environment.js';
import { isAlreadyExists, isNotFound, KubeApiError } from './error.js';
import { EventBudget } from './event-budget.js';
import { cutToBytes, type EventDraft, MAX_NOTE_BYTES, MAX_WORD_BYTES, referenceTo, seriesKey } from './event-draft.js';
import { type EventDropReason, EventMetrics } from './event-metrics.js';
import { Events, type KubeEvent } from './kinds/event.js';
import { microTime } from './micro-time.js';
import type { Draft } from './object.js';

export interface EventRecorderOptions {
  /** Fenced, when only a leader may write. */
  readonly api: KubeApi;
  readonly environment: Environment;
  readonly registry?: Registry;
  /** Who tells it: a qualified name such as `example.com/controller`. */
  readonly reportingController: string;
  /** Which process of it, such as the pod's name. */
  readonly reportingInstance: string;
  /** Events that wait to be written; of more, the new ones are dropped. 1,000 when left out. */
  readonly maxQueued?: number;
}

/** A series ends when its event did not come again for so many ms, as with client-go. */
const SERIES_ENDS_AFTER_MS = 360_000;
/** The second event of a series is written at once, those after it at most so often. */
const SERIES_EVERY_MS = 60_000;
/** Series that are remembered; of more, the oldest ends. */
const MAX_SERIES = 4096;
/** Tries to write one event, and the pause after the first of them; each further one is twice as long. */
const TRIES = 4;
const RETRY_MS = 1000;

/** Equal events; one object of the API. */
interface Series {
  readonly key: string;
  readonly draft: EventDraft;
  /** ms of the epoch. */
  readonly firstAt: number;
  lastAt: number;
  count: number;
  /** Monotonic ms. */
  seenAt: number;
  writtenAt: number;
  /** How many of `count` the object tells of. */
  writtenCount: number;
  /** Name of the object, once it is to be written. */
  name: string | undefined;
  queued: boolean;
}

/**
 * Tells people, by `kubectl describe`, what happened to an object. Equal events are one object with a count. It never
 * blocks, never throws and never harms what it tells of: what cannot be written is dropped and counted.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #metrics: EventMetrics;
  readonly #budget: EventBudget;
  readonly #series = new Map<string, Series>();
  readonly #queue: Series[] = [];
  readonly #abort = new AbortController();
  #sending: Promise<void> | undefined;
  #cancelSweep: (() => void) | undefined;
  #closed = false;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#metrics = EventMetrics.of(options.registry ?? new Registry());
    this.#budget = new EventBudget(options.environment.clock);
  }

  record(draft: EventDraft): void {
    try {
      this.#record(draft);
    } catch (error) {
      this.#drop('failed', draft, error);
    }
  }

  /** Takes nothing more, and writes what waits, counts of series among it, for at most so many ms. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    for (const series of this.#series.values()) this.#writeCount(series);
    this.#series.clear();
    const cancel = this.#options.environment.clock.after(timeoutMs, () => this.#abort.abort());
    await this.#sending;
    cancel();
  }

  #record(draft: EventDraft): void {
    const { clock } = this.#options.environment;
    const key = seriesKey(draft);
    const known = this.#series.get(key);
    if (!this.#closed && known !== undefined && clock.monotonic() - known.seenAt <= SERIES_ENDS_AFTER_MS) {
      known.count += 1;
      known.lastAt = clock.now();
      known.seenAt = clock.monotonic();
      if (known.count === 2) this.#writeCount(known);
      return;
    }
    const refusal = this.#refusalOf(draft);
    if (refusal !== undefined) {
      this.#drop(refusal, draft);
      return;
    }
    if (known !== undefined) this.#end(known);
    const series: Series = {
      key,
      draft,
      firstAt: clock.now(),
      lastAt: clock.now(),
      count: 1,
      seenAt: clock.monotonic(),
      writtenAt: clock.monotonic(),
      writtenCount: 0,
      name: undefined,
      queued: false,
    };
    this.#series.set(key, series);
    if (this.#series.size > MAX_SERIES) this.#end(this.#series.values().next().value as Series);
    this.#enqueue(series);
    this.#cancelSweep ??= clock.after(SERIES_EVERY_MS, () => this.#sweep());
  }

  #refusalOf({ regarding }: EventDraft): EventDropReason | undefined {
    if (this.#closed) return 'closed';
    if (this.#queue.length >= (this.#options.maxQueued ?? 1000)) return 'queue_full';
    return this.#budget.spend(regarding.metadata.uid) ? undefined : 'rate_limited';
  }

  /** Writes counts that have grown, and ends series that nothing was added to for a while. */
  #sweep(): void {
    const { clock } = this.#options.environment;
    const now = clock.monotonic();
    for (const series of this.#series.values()) {
      if (now - series.seenAt > SERIES_ENDS_AFTER_MS) this.#end(series);
      else if (now - series.writtenAt >= SERIES_EVERY_MS) this.#writeCount(series);
    }
    this.#cancelSweep = this.#series.size === 0 ? undefined : clock.after(SERIES_EVERY_MS, () => this.#sweep());
  }

  #end(series: Series): void {
    this.#series.delete(series.key);
    this.#writeCount(series);
  }

  /** When it may be written now; else it is tried again by the next sweep. */
  #writeCount(series: Series): void {
    if (series.queued || series.count === series.writtenCount) return;
    if (this.#queue.length >= (this.#options.maxQueued ?? 1000)) return;
    if (this.#budget.spend(series.draft.regarding.metadata.uid)) this.#enqueue(series);
  }

  #enqueue(series: Series): void {
    series.queued = true;
    this.#queue.push(series);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  async #send(): Promise<void> {
    // Lets whoever records go on first.
    await Promise.resolve();
    for (let series = this.#queue.shift(); series !== undefined; series = this.#queue.shift()) {
      series.queued = false;
      if (this.#abort.signal.aborted) this.#drop('closed', series.draft);
      else await this.#write(series);
    }
  }

  async #write(series: Series): Promise<void> {
    const { clock } = this.#options.environment;
    // While its first write was on its way for long, a sweep may have taken its count for news.
    if (series.count === series.writtenCount) return;
    for (let tries = 1; ; tries++) {
      try {
        const { count } = series;
        await this.#writeOnce(series);
        series.writtenCount = count;
        series.writtenAt = clock.monotonic();
        this.#metrics.written.inc();
        return;
      } catch (error) {
        if (tries === TRIES || !isPassing(error) || this.#abort.signal.aborted) {
          if (series.writtenCount === 0 && this.#series.get(series.key) === series) this.#series.delete(series.key);
          return this.#drop('failed', series.draft, error);
        }
        const asked = error instanceof KubeApiError ? (error.retryAfterMs ?? 0) : 0;
        await sleep(clock, Math.max(RETRY_MS * 2 ** (tries - 1), asked), this.#abort.signal);
      }
    }
  }

  async #writeOnce(series: Series): Promise<void> {
    const { api } = this.#options;
    const { signal } = this.#abort;
    if (series.writtenCount > 0 && series.name !== undefined) {
      const ref = { namespace: namespaceOf(series.draft), name: series.name };
      const body = { series: seriesOf(series) };
      try {
        await api.patch(Events, ref, { type: 'merge', body }, { signal });
        return;
      } catch (error) {
        // The server keeps events for an hour or so.
        if (!isNotFound(error)) throw error;
        series.name = undefined;
      }
    }
    const { random } = this.#options.environment;
    series.name ??= `${series.draft.regarding.metadata.name.slice(0, 230)}.${hex(random)}`;
    try {
      await api.create(Events, this.#object(series, series.name), { signal });
    } catch (error) {
      // The try before was answered too late, and worked.
      if (!isAlreadyExists(error)) throw error;
    }
  }

  #object(series: Series, name: string): Draft<KubeEvent> {
    const { reportingController, reportingInstance } = this.#options;
    const { regarding, related, type, reason, action, note } = series.draft;
    return {
      apiVersion: Events.apiVersion,
      kind: Events.kind,
      metadata: { name, namespace: namespaceOf(series.draft) },
      eventTime: microTime(series.firstAt),
      ...(series.count > 1 ? { series: seriesOf(series) } : {}),
      reportingController,
      reportingInstance: cutToBytes(reportingInstance, MAX_WORD_BYTES),
      action: cutToBytes(action, MAX_WORD_BYTES),
      reason: cutToBytes(reason, MAX_WORD_BYTES),
      regarding: referenceTo(regarding),
      ...(related === undefined ? {} : { related: referenceTo(related) }),
      note: cutToBytes(note, MAX_NOTE_BYTES),
      type,
    };
  }

  #drop(why: EventDropReason, { reason, regarding }: EventDraft, error?: unknown): void {
    this.#metrics.dropped.inc({ reason: why });
    const fields = { event: reason, regarding: regarding?.metadata?.name, why };
    if (error === undefined) this.#options.environment.log.debug(fields, 'an event is dropped');
    else this.#options.environment.log.warn({ ...fields, err: error }, 'an event could not be written');
  }
}

/** Events of objects of the whole cluster are in `default`, as the server demands. */
function namespaceOf({ regarding }: EventDraft): string {
  return regarding.metadata.namespace ?? 'default';
}

function seriesOf({ count, lastAt }: Series): { count: number; lastObservedTime: string } {
  return { count, lastObservedTime: microTime(lastAt) };
}

function hex(random: () => number): string {
  return Array.from({ length: 16 }, () => Math.floor(random() * 16).toString(16)).join('');
}

/** Whether it may work a moment later. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof KubeApiError)) return false;
  return (error.status === 0 && error.reason !== 'Aborted') || error.status === 429 || error.status >= 500;
}
