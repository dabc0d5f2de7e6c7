import { Gauge, Registry } from 'prom-client';
import { onAbort } from './abort.js';
import type { KubeApi } from './api.js';
import { type Environment, type KubeLogger, sleep } from './environment.js';
import { isConflict, isNotFound } from './error.js';
import { type Lease, Leases } from './kinds/lease.js';
import { type Leadership, Term } from './leadership.js';
import { withFields } from './log-fields.js';
import { microTime } from './micro-time.js';
import type { ObjectRef } from './object.js';

export interface ElectionOptions {
  /** Not fenced: it is what fences. */
  readonly api: KubeApi;
  readonly environment: Environment;
  readonly registry?: Registry;
  readonly lease: Required<ObjectRef>;
  /** Another one for each process, also after a restart, such as `<pod>_<uuid>`. */
  readonly identity: string;
  /** Put on the Lease by the holder, for others to read; taken off when it is released. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** How long all others leave a Lease alone after they saw it renewed, in ms; 15 s when left out. */
  readonly leaseDurationMs?: number;
  /** How long leadership lasts without a renewal, in ms; less than the lease duration. 10 s when left out. */
  readonly renewDeadlineMs?: number;
  /** Pause in ms between tries; 2 s when left out. Whoever waits for the Lease adds up to 120 % by chance. */
  readonly retryPeriodMs?: number;
}

/** Who leads, as far as is known here. */
export interface LeaseHolder {
  readonly identity: string;
  /** All of the Lease. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Why an elector ended. */
export type ElectionEnd = 'stopped' | 'lost';

const JITTER = 1.2;

/**
 * Leader election by a Lease, with client-go's algorithm. Times in the Lease are for people: whether it has run out is
 * measured by one's own monotonic clock from the moment at which its last change was seen, so clocks need not agree.
 * Every write carries the resourceVersion that was read, so of several that try one wins.
 *
 * What it cannot guard against is a Lease that somebody deletes while it is held.
 */
export class LeaderElector {
  readonly #options: Required<Omit<ElectionOptions, 'registry'>>;
  readonly #log: KubeLogger;
  readonly #status: Gauge<'name'>;
  #lease: Lease | undefined;
  /** What of the Lease changes at each renewal, and since when (monotonic ms) it has been like that. */
  #observed: { readonly record: string; readonly at: number } | undefined;
  #knownHolder: string | undefined;
  #leadership: Term | undefined;

  constructor(options: ElectionOptions) {
    const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000, annotations = {} } = options;
    if (!(renewDeadlineMs < leaseDurationMs && retryPeriodMs * JITTER < renewDeadlineMs && retryPeriodMs > 0)) {
      throw new RangeError('Of an election, leaseDuration > renewDeadline > 1.2 × retryPeriod > 0 must hold.');
    }
    this.#options = { ...options, annotations, leaseDurationMs, renewDeadlineMs, retryPeriodMs };
    const { lease, identity, environment, registry = new Registry() } = options;
    this.#log = withFields(environment.log, { lease: `${lease.namespace}/${lease.name}`, identity });
    this.#status = statusGauge(registry);
    this.#status.set({ name: lease.name }, 0);
  }

  /** Leadership of this process, while it has it. */
  get leadership(): Leadership | undefined {
    return this.#leadership?.holds() === true ? this.#leadership : undefined;
  }

  /** Undefined when nobody holds the Lease, or nobody has renewed it for its duration, or nothing was read yet. */
  get holder(): LeaseHolder | undefined {
    const identity = this.#lease?.spec?.holderIdentity ?? '';
    if (identity === '' || this.#isExpired()) return undefined;
    return { identity, annotations: this.#lease?.metadata.annotations ?? {} };
  }

  /**
   * Waits for the Lease, leads until `lead` settles, leadership is lost or `stop` is aborted, and releases the Lease,
   * so that the next one takes over at its next try. Leadership is always over before the Lease is released.
   *
   * @returns `lost` when somebody else may lead by now; a process had better end then, and begin anew
   * @throws what `lead` throws, after the release
   */
  async run(stop: AbortSignal, lead: (leadership: Leadership) => Promise<void>): Promise<ElectionEnd> {
    const term = await this.#acquire(stop);
    if (term === undefined) return 'stopped';
    if (stop.aborted) {
      term.end('leadership-released', 'It came too late.');
      await this.#release();
      return 'stopped';
    }
    const name = { name: this.#options.lease.name };
    this.#leadership = term;
    this.#status.set(name, 1);
    this.#log.info({}, 'this process leads');
    const end = new AbortController();
    const ends = [onAbort(stop, () => end.abort()), onAbort(term.signal, () => end.abort())];
    const leading = Promise.resolve()
      .then(() => lead(term))
      .finally(() => end.abort());
    // Whether it failed is asked for below; until then it is not unhandled.
    leading.catch(() => {});
    await this.#renew(term, end.signal);
    const lost = !term.holds();
    term.end('leadership-released', 'Leadership was given up.');
    for (const it of ends) it();
    this.#leadership = undefined;
    this.#status.set(name, 0);
    if (lost) this.#log.error({ err: term.signal.reason }, 'leadership is lost');
    else await this.#release();
    await leading;
    return lost ? 'lost' : 'stopped';
  }

  async #acquire(stop: AbortSignal): Promise<Term | undefined> {
    const { environment, renewDeadlineMs, retryPeriodMs } = this.#options;
    while (!stop.aborted) {
      // The write is never aborted: nobody would know whether it won the Lease, nor release it.
      const sentAt = await this.#tryToHold(stop, undefined);
      if (sentAt !== undefined) {
        const term = new Term(environment.clock, renewDeadlineMs, sentAt);
        if (term.holds()) return term;
      }
      await sleep(environment.clock, retryPeriodMs * (1 + JITTER * environment.random()), stop);
    }
    return undefined;
  }

  async #renew(term: Term, end: AbortSignal): Promise<void> {
    const { environment, retryPeriodMs, identity } = this.#options;
    for (;;) {
      await sleep(environment.clock, retryPeriodMs, end);
      if (end.aborted || !term.holds()) return;
      const sentAt = await this.#tryToHold(end, end);
      if (sentAt !== undefined) term.renewed(sentAt);
      else if (this.#lease !== undefined && this.#lease.spec?.holderIdentity !== identity) {
        term.end('leadership-lost', `The Lease is held by ${this.#lease.spec?.holderIdentity || 'nobody'}.`);
      }
    }
  }

  /** @returns the monotonic time at which the request that worked was sent */
  async #tryToHold(stop: AbortSignal, stopWrite: AbortSignal | undefined): Promise<number | undefined> {
    try {
      // Whoever leads knows the Lease, so that a renewal is one call.
      if (this.#leadership !== undefined && this.#lease !== undefined) {
        try {
          return await this.#write(this.#lease, stopWrite);
        } catch (error) {
          if (!isConflict(error) && !isNotFound(error)) throw error;
        }
      }
      const lease = await this.#read(stop);
      if (stop.aborted || (lease !== undefined && !this.#mayTake(lease))) return undefined;
      return await this.#write(lease, stopWrite);
    } catch (error) {
      if (!stop.aborted) this.#log.warn({ err: error }, 'the Lease could not be read or written');
      return undefined;
    }
  }

  #mayTake(lease: Lease): boolean {
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder === this.#options.identity) return true;
    // A leader that finds another holder has lost, whatever the clock says.
    return this.#leadership === undefined && (holder === '' || this.#isExpired());
  }

  async #read(signal: AbortSignal | undefined): Promise<Lease | undefined> {
    const { api, lease } = this.#options;
    try {
      const found = await api.get(Leases, lease, this.#callOptions(signal));
      this.#observe(found);
      return found;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#lease = undefined;
      this.#observed = undefined;
      return undefined;
    }
  }

  async #write(lease: Lease | undefined, signal: AbortSignal | undefined): Promise<number> {
    const { api, lease: ref, identity, annotations, leaseDurationMs, environment } = this.#options;
    const now = microTime(environment.clock.now());
    const before = lease?.spec;
    const held = before?.holderIdentity === identity;
    const spec = {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDurationMs / 1000),
      acquireTime: held ? (before?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: before === undefined ? 0 : (before.leaseTransitions ?? 0) + (held ? 0 : 1),
    };
    const sentAt = environment.clock.monotonic();
    if (lease === undefined) {
      const { apiVersion, kind } = Leases;
      const draft = { apiVersion, kind, metadata: { ...ref, annotations }, spec };
      this.#observe(await api.create(Leases, draft, this.#callOptions(signal)));
    } else {
      const metadata = { ...lease.metadata, annotations: { ...lease.metadata.annotations, ...annotations } };
      this.#observe(await api.replace(Leases, { ...lease, metadata, spec }, this.#callOptions(signal)));
    }
    return sentAt;
  }

  async #release(): Promise<void> {
    try {
      try {
        await this.#writeReleased(this.#lease);
      } catch (error) {
        // A renewal whose answer never came may have changed it.
        if (!isConflict(error)) throw error;
        await this.#writeReleased(await this.#read(undefined));
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'the Lease could not be released; the next one waits until it runs out');
    }
  }

  async #writeReleased(lease: Lease | undefined): Promise<void> {
    const { api, identity, annotations, environment } = this.#options;
    if (lease?.spec?.holderIdentity !== identity) return;
    const now = microTime(environment.clock.now());
    const others = Object.entries(lease.metadata.annotations ?? {}).filter(([key]) => !(key in annotations));
    const metadata = { ...lease.metadata, annotations: Object.fromEntries(others) };
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
    this.#observe(await api.replace(Leases, { ...lease, metadata, spec }, this.#callOptions(undefined)));
    this.#log.info({}, 'the Lease is released');
  }

  #observe(lease: Lease): void {
    const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = lease.spec ?? {};
    const record = JSON.stringify([holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions]);
    this.#lease = lease;
    if (record !== this.#observed?.record) {
      this.#observed = { record, at: this.#options.environment.clock.monotonic() };
    }
    const holder = holderIdentity ?? '';
    if (holder === this.#knownHolder) return;
    this.#knownHolder = holder;
    this.#log.info({ holder }, holder === '' ? 'nobody holds the Lease' : 'the Lease has a new holder');
  }

  /** By the holder's own word on the duration, which may be of another version or configuration. */
  #isExpired(): boolean {
    if (this.#observed === undefined) return true;
    const seconds = this.#lease?.spec?.leaseDurationSeconds ?? 0;
    const durationMs = seconds > 0 ? seconds * 1000 : this.#options.leaseDurationMs;
    return this.#options.environment.clock.monotonic() >= this.#observed.at + durationMs;
  }

  /** A call that hangs must leave time for another one before the deadline. */
  #callOptions(signal: AbortSignal | undefined) {
    return { timeoutMs: this.#options.renewDeadlineMs / 2, ...(signal === undefined ? {} : { signal }) };
  }
}

const gauges = new WeakMap<Registry, Gauge<'name'>>();

function statusGauge(registry: Registry): Gauge<'name'> {
  const gauge =
    gauges.get(registry) ??
    new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this process holds the Lease, 0 while it does not.',
      labelNames: ['name'],
      registers: [registry],
    });
  gauges.set(registry, gauge);
  return gauge;
}
