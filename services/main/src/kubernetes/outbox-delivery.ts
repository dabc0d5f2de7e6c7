import { isDeepStrictEqual } from 'node:util';
import type { MediaJobSpec } from '@mediajob/contract';
import {
  type CallOptions,
  type Environment,
  isAborted,
  isAlreadyExists,
  isNotFound,
  type KubeApi,
  KubeApiError,
  sleep,
} from '@mediajob/kube';
import { isSameWork } from '../jobs/same-work.js';
import { isAway, isRefused, refusalOf } from './cluster-errors.js';
import type { ClusterLink } from './cluster-link.js';
import type { ClusterView } from './cluster-view.js';
import { isBeingDeleted, Label, type MediaJobObject, MediaJobs, requestOf } from './media-job-kind.js';
import { newMediaJob } from './new-media-job.js';
import type { HeldEntry, Outbox } from './outbox.js';
import { nextName, type OutboxEntry } from './outbox-entry.js';

export interface OutboxDeliveryOptions {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly link: ClusterLink;
  readonly view: ClusterView;
  readonly environment: Environment;
  /** How often the volume is looked at for what other mains keep, in ms. */
  readonly everyMs?: number;
}

const EVERY_MS = 10_000;
/** Pauses between two tries while the cluster does not take what is kept, in ms. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** For one try of a call, in ms. */
const CALL_MS = 10_000;
/** So long after a request was discarded, a call of any main that was making it has ended, in ms. */
const DISCARDED_MS = 60_000;

/** What became of one entry: there is nothing left to do about it, or it is to be tried again. */
type Delivered = 'settled' | 'later';

/**
 * Makes the jobs that are kept, the oldest first, once each, whoever dies when: an entry is removed only when its job is in
 * the cluster, and a job that has the entry's request as its label is that entry's, whoever made it.
 */
export class OutboxDelivery {
  readonly #outbox: Outbox;
  readonly #options: OutboxDeliveryOptions;
  /** Of all calls: the end of main waits for none of them. */
  #call: CallOptions = { timeoutMs: CALL_MS };
  #wake: AbortController | undefined;

  constructor(outbox: Outbox, options: OutboxDeliveryOptions) {
    this.#outbox = outbox;
    this.#options = options;
  }

  /** There is something new to do: looks at once. */
  wake(): void {
    this.#wake?.abort();
  }

  /** @returns settles when the signal is aborted, and nothing runs any more */
  async run(signal: AbortSignal): Promise<void> {
    const { environment, link, everyMs = EVERY_MS } = this.#options;
    const stop = link.onChange(({ state }) => {
      if (state === 'up') this.wake();
    });
    let failures = 0;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      let quiet = false;
      try {
        quiet = await this.deliver(signal);
      } catch (error) {
        if (!signal.aborted) environment.log.warn({ err: error }, 'kept jobs could not be made yet; trying again');
      }
      failures = quiet ? 0 : failures + 1;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10));
      await sleep(environment.clock, quiet ? everyMs : pause * (0.8 + 0.4 * environment.random()), woken);
    }
    stop();
  }

  /**
   * Looks what is kept and makes it, as far as the cluster takes it.
   * @returns whether there is nothing left to be tried again soon
   * @throws KubeApiError when it does not answer; StorageError
   */
  async deliver(signal: AbortSignal): Promise<boolean> {
    this.#call = { timeoutMs: CALL_MS, signal };
    await this.#outbox.load();
    if (this.#options.link.isKnownToBeDown) return true;
    let quiet = await this.#withdraw(signal);
    for (const { metadata } of this.#outbox.jobs()) {
      if (signal.aborted) return true;
      const delivered = await this.#outbox.hold(metadata.uid, (held) => this.#make(held));
      if (delivered === 'later') quiet = false;
    }
    return quiet;
  }

  async #make(held: HeldEntry): Promise<Delivered> {
    let { entry } = held;
    while (entry.refused === undefined) {
      // Another main was told that nobody wants it.
      if (await this.#outbox.isDiscarded(entry.request)) return this.#done(held);
      try {
        const seen = this.#options.view.byRequest(entry.request);
        const made = seen ?? (await this.#create(entry)) ?? (await this.#owner(entry));
        if (made === 'later') return 'later';
        if (made !== 'taken') return this.#made(held, entry, made);
        entry = await this.#renamed(held, entry);
      } catch (error) {
        if (!(error instanceof KubeApiError)) throw error;
        if (isAway(error) || isAborted(error)) {
          this.#outbox.note(entry.request, undefined);
          throw error;
        }
        const why = refusalOf(error);
        this.#options.environment.log.warn(
          { err: error, request: entry.request },
          'the cluster did not take a kept job',
        );
        if (!isRefused(error)) {
          this.#outbox.note(entry.request, why);
          return 'later';
        }
        entry = {
          ...entry,
          refused: `The cluster refuses the job: ${why}. Make a new job without that.`.slice(0, 1024),
        };
        await held.rewrite(entry);
      }
    }
    return 'settled';
  }

  /** @returns undefined when the name is taken */
  async #create(entry: OutboxEntry): Promise<MediaJobObject | undefined> {
    const { api, namespace, link } = this.#options;
    try {
      const draft = newMediaJob(namespace, entry.request, entry);
      return await link.call(() => api.create(MediaJobs, draft, this.#call));
    } catch (error) {
      if (isAlreadyExists(error)) return undefined;
      throw error;
    }
  }

  /** Whose the name is: the job itself when it is this entry's. */
  async #owner(entry: OutboxEntry): Promise<MediaJobObject | 'taken' | 'later'> {
    const { api, namespace, link, view } = this.#options;
    const ref = { namespace, name: entry.name };
    let other: MediaJobObject;
    try {
      other = await link.call(() => api.get(MediaJobs, ref, this.#call));
    } catch (error) {
      // Just gone: the name is free now.
      if (isNotFound(error)) return 'later';
      throw error;
    }
    if (requestOf(other) === entry.request) return other;
    if (isBeingDeleted(other)) {
      if (!entry.named) return 'taken';
      this.#outbox.note(entry.request, 'the job that had this name before is just being deleted');
      return 'later';
    }
    if (!isSameWork(view.read(other).spec, entry.spec)) return 'taken';
    // Somebody has made the same job meanwhile. It is this one from now on, so that its id leads there.
    const body = { metadata: { uid: other.metadata.uid, labels: { [Label.request]: entry.request } } };
    return link.call(() => api.patch(MediaJobs, ref, { type: 'merge', body }, this.#call));
  }

  async #renamed(held: HeldEntry, entry: OutboxEntry): Promise<OutboxEntry> {
    const name = nextName(entry);
    const refused = `There is a job ${entry.name} with another content. Make a new job with another name.`;
    const changed = name === undefined ? { ...entry, refused } : { ...entry, name };
    await held.rewrite(changed);
    return changed;
  }

  async #made(held: HeldEntry, entry: OutboxEntry, object: MediaJobObject): Promise<Delivered> {
    const { environment, view } = this.#options;
    view.put(object);
    await this.#catchUp(entry, object);
    await held.remove();
    const { uid, name } = object.metadata;
    environment.log.info({ request: entry.request, jobId: uid, job: name }, 'a kept job is made in the cluster');
    return 'settled';
  }

  /** Another main may have changed the entry while its job was being made. One that was discarded is withdrawn later. */
  async #catchUp(entry: OutboxEntry, object: MediaJobObject): Promise<void> {
    const latest = await this.#outbox.latest(entry.request);
    const body = latest === undefined ? undefined : difference(entry, latest);
    if (body === undefined) return;
    const { api, namespace, link, view } = this.#options;
    const ref = { namespace, name: object.metadata.name };
    view.put(await link.call(() => api.patch(MediaJobs, ref, { type: 'merge', body }, this.#call)));
  }

  async #done(held: HeldEntry): Promise<Delivered> {
    await held.remove();
    return 'settled';
  }

  /** Deletes jobs that were made although nobody wanted them any more. @returns whether that is all done */
  async #withdraw(signal: AbortSignal): Promise<boolean> {
    const { api, namespace, link, environment } = this.#options;
    let done = true;
    for (const { request, at } of await this.#outbox.discarded()) {
      if (signal.aborted) return true;
      const labelSelector = `${Label.request}=${request}`;
      const { items } = await link.call(() => api.list(MediaJobs, { namespace, labelSelector, ...this.#call }));
      for (const object of items) if (!isBeingDeleted(object)) await this.#delete(object);
      if (items.length === 0 && environment.clock.now() - Date.parse(at) > DISCARDED_MS) {
        await this.#outbox.forgetDiscarded(request);
      } else done = false;
    }
    return done;
  }

  async #delete({ metadata: { name, uid } }: MediaJobObject): Promise<void> {
    const { api, namespace, link, environment } = this.#options;
    const options = { propagationPolicy: 'Background', preconditions: { uid }, ...this.#call } as const;
    try {
      await link.call(() => api.delete(MediaJobs, { namespace, name }, options));
      environment.log.info({ jobId: uid, job: name }, 'a job that was discarded while it was kept is deleted');
    } catch (error) {
      // Gone, or another job has the name by now.
      if (!(error instanceof KubeApiError && [404, 409].includes(error.status))) throw error;
    }
  }
}

/** What has to be patched on a job that was made of the one entry, so that it is as the other. */
function difference(made: OutboxEntry, latest: OutboxEntry): object | undefined {
  const spec = changes(changeable(made.spec), changeable(latest.spec));
  const annotations = changes(made.annotations, latest.annotations);
  if (spec === undefined && annotations === undefined) return undefined;
  return { ...(spec && { spec }), ...(annotations && { metadata: { annotations } }) };
}

function changeable({ suspend, cancel, retries, ...spec }: MediaJobSpec): object {
  const { activeDeadlineSeconds, ttlSecondsAfterFinished } = spec;
  return { suspend, cancel, retries, activeDeadlineSeconds, ttlSecondsAfterFinished };
}

function changes(before: object, after: object): object | undefined {
  const [from, to] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const changed = [...new Set([...from.keys(), ...to.keys()])]
    .filter((key) => !isDeepStrictEqual(from.get(key), to.get(key)))
    .map((key) => [key, to.get(key) ?? null] as const);
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}
