import { type JobId, type MediaJob, readMediaJob, runName, TERMINAL_PHASES } from '@mediajob/contract';
import {
  type Clock,
  isNotFound,
  type KubeApi,
  listAll,
  Pods,
  type ReconcileContext,
  type ReconcileResult,
} from '@mediajob/kube';
import { type Action, type Decision, decide, isLive, type RefusedStart } from '@mediajob/pipeline';
import { type ClusterView, clusterOf } from './cluster-view.js';
import { deadlineOf, movedDeadline } from './deadline.js';
import { namespaceState, type WayOut, wayOut } from './deletion.js';
import { DriftWatch } from './drift.js';
import { invalidStatus } from './invalid-status.js';
import { forgettable, JobActions, stopsOf } from './job-actions.js';
import type { JobMetrics } from './job-metrics.js';
import { Label } from './labels.js';
import { type MediaJobObject, MediaJobs } from './media-job-kind.js';
import { observe, type Sight } from './observe.js';
import { observedJob } from './observed-job.js';
import type { OperatorConfig } from './operator-config.js';
import type { Profiles } from './profiles.js';
import type { ProgressBook } from './progress-book.js';
import { Sightings } from './sightings.js';
import { MediaJobStatusWriter } from './status-writer.js';
import { hasFinalizer, planOf, release, takeUp } from './take-up.js';

/** One thing to tell people about a MediaJob. */
export interface Telling {
  readonly regarding: MediaJobObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

export interface ReconcilerOptions {
  /** Fenced: no write is made once leadership has ended. */
  readonly api: KubeApi;
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly config: OperatorConfig;
  readonly profiles: Profiles;
  readonly book: ProgressBook;
  /** Tells people; never throws, and nothing depends on it. */
  tell(telling: Telling): void;
  readonly metrics?: JobMetrics;
}

/** A start that was refused is tried again after so many ms; one that the server could not answer for, sooner. */
const REFUSED_AGAIN_MS = 30_000;
const FAILED_AGAIN_MS = 5_000;
/** A profile that is missing is asked for again, should its arrival have been missed. */
const HELD_AGAIN_MS = 60_000;
/** Of the end of its namespace a MediaJob that is being deleted already hears nothing. */
const DELETED_AGAIN_MS = 60_000;

/** Brings one MediaJob nearer to what it should be. It keeps nothing that matters: another process goes on from here. */
export class MediaJobReconciler {
  readonly #options: ReconcilerOptions;
  readonly #actions: JobActions;
  readonly #status: MediaJobStatusWriter;
  readonly #drift = new DriftWatch();
  readonly #sightings = new Sightings();
  /** UIDs of Jobs of a MediaJob whose pods are known to be gone. */
  readonly #podless = new Map<JobId, Set<string>>();

  constructor(options: ReconcilerOptions) {
    const { api, view, clock, config } = options;
    this.#options = options;
    this.#actions = new JobActions({ api, view, ttlSeconds: config.jobs.ttlSeconds });
    this.#status = new MediaJobStatusWriter({ api, clock, put: (object) => view.putMediaJob(object) });
  }

  /**
   * Observe, decide, apply, write the status once, tell. Dying between any two of these does no harm: Jobs have names
   * that follow from what they are for, and what is forgotten is in the written status.
   *
   * @param key namespace/name
   */
  async reconcile(key: string, context: Pick<ReconcileContext, 'signal' | 'log'>): Promise<ReconcileResult> {
    const { api, view, clock } = this.#options;
    const { signal } = context;
    const object = view.mediaJob(key);
    if (object === undefined) return {};
    const { job, invalid } = readMediaJob(object);
    const deleted = job.metadata.deletionTimestamp !== undefined;
    if (deleted && !hasFinalizer(object)) return this.#end(job.metadata.uid);
    const { namespace = '' } = object.metadata;
    const place = deleted ? await namespaceState(api, namespace, signal) : 'there';
    if (place === 'ending') return this.#leave(object, context);
    // Half of the truth would have its Jobs made again. When all of it may be read, it is looked at again.
    if (!view.knows(namespace)) return deleted && place === 'there' ? { requeueAfterMs: DELETED_AGAIN_MS } : {};
    if (invalid !== undefined && !deleted) return this.#refuse(object, job, invalid, signal);

    const now = clock.now();
    const sight = await this.#look(job, now, signal);
    const observed = observedJob(job, sight, this.#options.config, this.#options.profiles);
    const first = decide(observed, now);

    const out = deleted ? await this.#wayOut(object, first.actions, sight, signal) : undefined;
    if (out !== undefined) return this.#letGo(object, sight, out, signal);
    if (observed.paused !== true) await this.#stop(first, job, sight, signal);
    const { taken, refused } = await this.#start(first, object, job, now, signal);
    const decision = refused.length === 0 ? first : { ...first, status: decide({ ...observed, refused }, now).status };

    if (decision.actions.some(({ type }) => type === 'remove')) return this.#remove(taken, decision, sight, signal);
    const { object: written, progressDueMs } = await this.#status.write(taken, job.status, decision.status, signal);
    await this.#forget(decision, job, sight, deleted, signal);
    if (decision.actions.some(({ type }) => type === 'delete')) await this.#delete(written, signal);

    this.#report(written, job, decision, sight);
    return {
      requeueAfterMs: soonest(
        decision.requeueAfterMs,
        progressDueMs,
        sight.lookAgainAt === undefined ? undefined : sight.lookAgainAt - now,
        ...refused.map(({ waiting }) => (waiting.reason === 'WaitingForWorker' ? FAILED_AGAIN_MS : REFUSED_AGAIN_MS)),
        observed.held === undefined || TERMINAL_PHASES.includes(decision.status.phase) ? undefined : HELD_AGAIN_MS,
        deleted ? DELETED_AGAIN_MS : undefined,
      ),
    };
  }

  /** Forgets what is remembered of a MediaJob that is gone. */
  drop(uid: JobId): void {
    this.#status.drop(uid);
    this.#sightings.drop(uid);
    this.#end(uid);
  }

  /** ms until progress of a MediaJob may be written again. */
  progressDueMs(uid: JobId): number {
    return this.#status.dueInMs(uid);
  }

  /**
   * A Job that has ended and a pod that nobody sees: the pod is gone, or our memory of pods is behind that of Jobs. Its
   * result is in the pod, so the server is asked, once.
   */
  async #look(job: MediaJob, now: number, signal: AbortSignal): Promise<Sight> {
    const { api, view, book, config } = this.#options;
    const { uid } = job.metadata;
    const look = () =>
      observe({
        job,
        cluster: clusterOf(view, uid),
        book,
        nodeLostAfterMs: config.nodeLostAfterMs,
        since: (what) => this.#sightings.since(uid, what, now),
        now,
      });
    const sight = look();
    const asked = this.#podless.get(uid) ?? new Set();
    const unseen = sight.runs.flatMap((run) => {
      const unread = (run.state === 'succeeded' && run.result === undefined) || (run.state === 'lost' && !run.node);
      const of = unread ? sight.jobs.get(runName(uid, run.key)) : undefined;
      return of === undefined || asked.has(of.metadata.uid) ? [] : [of];
    });
    const namespace = unseen[0]?.metadata.namespace;
    if (namespace === undefined) return sight;
    const { items } = await listAll(api, Pods, { namespace, labelSelector: `${Label.uid}=${uid}`, signal });
    for (const pod of items) view.putPod(pod);
    this.#podless.set(uid, new Set([...asked, ...unseen.map(({ metadata }) => metadata.uid)]));
    return look();
  }

  async #stop(decision: Decision, job: MediaJob, sight: Sight, signal: AbortSignal): Promise<void> {
    await this.#actions.stop(sight, stopsOf(decision.actions, sight, job.metadata.uid), signal);
    if (job.metadata.deletionTimestamp !== undefined || TERMINAL_PHASES.includes(decision.status.phase)) return;
    const deadline = deadlineOf(job, decision.status);
    for (const it of new Set(sight.jobs.values())) {
      const moved = movedDeadline(it, deadline);
      if (moved !== undefined) await this.#actions.setDeadline(it, moved, signal);
    }
  }

  async #start(
    { actions, status }: Decision,
    object: MediaJobObject,
    job: MediaJob,
    now: number,
    signal: AbortSignal,
  ): Promise<{ taken: MediaJobObject; refused: readonly RefusedStart[] }> {
    const { api, view, config, profiles } = this.#options;
    const starts = actions.filter((action) => action.type === 'start');
    if (starts.length === 0) return { taken: object, refused: [] };
    let taken = object;
    if (job.metadata.deletionTimestamp === undefined) {
      taken = await takeUp(api, object, job, planOf(job) ?? config.plan, signal);
      view.putMediaJob(taken);
    }
    const deadline = deadlineOf(job, status);
    const refused = await this.#actions.start(
      starts,
      {
        job,
        object: taken,
        config: config.jobs,
        ...(deadline !== undefined && { leftMs: deadline - now }),
        profileOf: (stage) => {
          const profile = profiles.pod(job.spec.profile, stage) ?? profiles.pod('default', stage);
          if (profile === undefined) throw new TypeError('there is always a profile default');
          return profile;
        },
      },
      signal,
    );
    return { taken, refused };
  }

  async #forget(decision: Decision, job: MediaJob, sight: Sight, deleteAll: boolean, signal: AbortSignal) {
    const { uid } = job.metadata;
    await this.#actions.forget(forgettable(decision.actions, sight, uid), deleteAll, signal);
    for (const action of decision.actions) {
      if (action.type === 'forget') this.#options.book.drop(uid, runName(uid, action.key));
    }
    if (!TERMINAL_PHASES.includes(decision.status.phase)) return;
    this.#end(uid);
    // Pods of a job that was cancelled may take their time.
    if (sight.runs.length === 0) this.#sightings.drop(uid);
  }

  /** Its time to live is over: deleted as a person would, unless somebody has touched it meanwhile. */
  async #delete({ metadata }: MediaJobObject, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid, resourceVersion } = metadata;
    const ref = { name, ...(namespace !== undefined && { namespace }) };
    try {
      await this.#options.api.delete(MediaJobs, ref, {
        propagationPolicy: 'Background',
        preconditions: { uid, resourceVersion },
        signal,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async #remove(object: MediaJobObject, { actions, status }: Decision, sight: Sight, signal: AbortSignal) {
    const { uid } = object.metadata;
    await this.#actions.forget(forgettable(actions, sight, uid), true, signal);
    this.#options.view.putMediaJob(await release(this.#options.api, object, signal));
    this.#tell(object, 'Normal', 'Removed', status.message);
    return this.#end(uid);
  }

  /** Only what would clean up is stopped by it: everything else has ended by then. */
  async #wayOut(object: MediaJobObject, actions: readonly Action[], sight: Sight, signal: AbortSignal) {
    const { api, config } = this.#options;
    const cleaning =
      actions.some((it) => it.type === 'start' && it.key.stage === 'cleanup') ||
      sight.runs.some((run) => run.key.stage === 'cleanup' && isLive(run));
    return cleaning ? wayOut(api, object, config.jobs.mediaClaim, signal) : undefined;
  }

  async #letGo(object: MediaJobObject, sight: Sight, { message }: WayOut, signal: AbortSignal) {
    const { api, view } = this.#options;
    // A cleanup that waits for a volume that is gone would wait for ever.
    await this.#actions.forget(new Set(sight.jobs.values()), true, signal);
    view.putMediaJob(await release(api, object, signal));
    this.#tell(object, 'Warning', 'FilesLeft', message);
    return this.#end(object.metadata.uid);
  }

  /**
   * Its namespace ends: nothing can be made there that would remove files, nothing be told about it, and whatever runs
   * there is ended by whoever ends the namespace. The log alone can say that files may stay.
   */
  async #leave(object: MediaJobObject, { signal, log }: Pick<ReconcileContext, 'signal' | 'log'>) {
    const { api, view } = this.#options;
    const { uid } = object.metadata;
    try {
      view.putMediaJob(await release(api, object, signal));
      log.info({ uid }, 'let go, because its namespace is being deleted; its files go with the volume, if that does');
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return this.#end(uid);
  }

  async #refuse(object: MediaJobObject, job: MediaJob, why: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { view, clock } = this.#options;
    const { uid } = job.metadata;
    if (TERMINAL_PHASES.includes(job.status.phase)) return {};
    const status = invalidStatus(job, why, view.jobsOf(uid).length > 0, clock.now());
    const { object: written } = await this.#status.write(object, job.status, status, signal);
    if (status.message !== job.status.message) this.#tell(written, 'Warning', 'InvalidSpec', status.message);
    return {};
  }

  #report(object: MediaJobObject, job: MediaJob, { status, events }: Decision, sight: Sight): void {
    const { metrics, config, profiles } = this.#options;
    const jobs = new Set(sight.jobs.values());
    metrics?.count(job.status, status, events, jobs);
    for (const { type, reason, message } of events) this.#tell(object, type, reason, message);
    const drifted = this.#drift.look(jobs, {
      job,
      object,
      config: config.jobs,
      profileOf: (stage) => profiles.pod(job.spec.profile, stage),
    });
    for (const { metadata } of drifted) {
      const note = `The Job ${metadata.name} goes on as it was made; the new version or profile is for those that start from now on.`;
      this.#tell(object, 'Normal', 'TemplateChanged', note);
    }
  }

  #tell(regarding: MediaJobObject, type: Telling['type'], reason: string, note: string): void {
    this.#options.tell({ regarding, type, reason, action: 'Reconcile', note });
  }

  #end(uid: JobId): ReconcileResult {
    this.#options.book.drop(uid);
    this.#drift.drop(uid);
    this.#podless.delete(uid);
    return {};
  }
}

function soonest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined).map((time) => Math.max(0, time));
  return known.length === 0 ? undefined : Math.min(...known);
}
