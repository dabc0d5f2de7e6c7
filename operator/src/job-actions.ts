import { runName } from '@mediajob/contract';
import { isAlreadyExists, isNotFound, type Job, Jobs, type KubeApi, type ObjectRef, Workloads } from '@mediajob/kube';
import type { Action, RefusedStart, StopReason } from '@mediajob/pipeline';
import type { ClusterView } from './cluster-view.js';
import { type JobInput, jobTemplate } from './job-template.js';
import { belongsTo, hasFinished, stopAsked } from './jobs.js';
import { QUEUE_LABEL } from './kueue-labels.js';
import { JobAnnotation } from './labels.js';
import type { Sight } from './observe.js';
import { nameConflict, refusedStart } from './refused-start.js';

type Start = Extract<Action, { type: 'start' }>;

export interface JobActionsOptions {
  /** Fenced: writes end with leadership. */
  readonly api: KubeApi;
  readonly view: Pick<ClusterView, 'putJob' | 'workloadOf'>;
  /** How long a Job stays once its outcome is recorded, in s. */
  readonly ttlSeconds: number;
}

/** All that a start needs beside its action. */
export type StartContext = Omit<JobInput, 'key' | 'request' | 'tally' | 'indexed' | 'profile'> & {
  profileOf(stage: Start['key']['stage']): JobInput['profile'];
};

/** Makes the actions about runs true. Each may be done twice, by two processes even: names and UIDs see to that. */
export class JobActions {
  readonly #options: JobActionsOptions;

  constructor(options: JobActionsOptions) {
    this.#options = options;
  }

  /**
   * POSTs the Jobs of runs, once each. First tries of several shards are one Indexed Job.
   * @returns those that were refused, and why
   * @throws KubeApiError when nobody knows whether a Job was made: the same again finds out
   */
  async start(starts: readonly Start[], context: StartContext, signal: AbortSignal): Promise<RefusedStart[]> {
    const refused: RefusedStart[] = [];
    for (const group of Map.groupBy(starts, groupOf).values()) {
      const [first] = group;
      if (first === undefined) continue;
      const waiting = await this.#create(first, group, context, signal);
      if (waiting !== undefined) refused.push(...group.map(({ key }) => ({ key, waiting })));
    }
    return refused;
  }

  async #create(first: Start, group: readonly Start[], context: StartContext, signal: AbortSignal) {
    const { api, view } = this.#options;
    const { profileOf, ...rest } = context;
    const indexed = indexedOf(group, context);
    const draft = jobTemplate({
      ...rest,
      key: first.key,
      request: first.request,
      tally: first.tally,
      profile: profileOf(first.key.stage),
      ...(indexed !== undefined && { indexed }),
    });
    const ref = { namespace: draft.metadata.namespace ?? '', name: draft.metadata.name ?? '' };
    try {
      view.putJob(await api.create(Jobs, draft, { signal }));
      return undefined;
    } catch (error) {
      if (!isAlreadyExists(error)) {
        const waiting = refusedStart(error, first.key.stage, ref.name);
        if (waiting === undefined) throw error;
        return waiting;
      }
      // Made by an earlier try whose answer was lost, or by a leader before us: then it is ours.
      const there = await api.get(Jobs, ref, { signal });
      if (!belongsTo(there, context.job.metadata.uid)) return nameConflict(ref.name);
      view.putJob(there);
      return undefined;
    }
  }

  /**
   * Asks the Jobs of runs to stop, and sees to those asked before: Kueue would let a suspended Job go on, so there its
   * Workload is made inactive.
   */
  async stop(sight: Sight, asked: ReadonlyMap<Job, StopReason>, signal: AbortSignal): Promise<void> {
    for (const job of new Set(sight.jobs.values())) {
      const why = asked.get(job);
      if (why === undefined && (!stopAsked(job) || hasFinished(job))) continue;
      const workload = this.#options.view.workloadOf(job.metadata.uid);
      const byKueue = job.metadata.labels?.[QUEUE_LABEL] !== undefined && workload !== undefined;
      const suspend = !byKueue && job.spec.suspend !== true;
      if (why !== undefined || suspend) await this.#patch(job, stopPatch(why, suspend), signal);
      if (workload === undefined || !byKueue || workload.spec.active === false) continue;
      await this.#unlessGone(() =>
        this.#options.api.patch(
          Workloads,
          refTo(workload),
          { type: 'merge', body: { spec: { active: false } } },
          { signal },
        ),
      );
    }
  }

  /**
   * Lets go of Jobs all of whose runs are forgotten. What has ended stays a while for its log; what never will is
   * deleted, and with it what may be left of its pods.
   */
  async forget(jobs: Iterable<Job>, deleteAll: boolean, signal: AbortSignal): Promise<void> {
    const { api, ttlSeconds } = this.#options;
    for (const job of jobs) {
      if (deleteAll || !hasFinished(job)) {
        const { uid } = job.metadata;
        await this.#unlessGone(() =>
          api.delete(Jobs, refTo(job), { propagationPolicy: 'Background', preconditions: { uid }, signal }),
        );
        continue;
      }
      const metadata = { annotations: { [JobAnnotation.recorded]: 'true' } };
      await this.#patch(job, { metadata, spec: { ttlSecondsAfterFinished: ttlSeconds } }, signal);
    }
  }

  /** Moves the end that a Job sets itself, when the deadline of its MediaJob was moved. */
  async setDeadline(job: Job, activeDeadlineSeconds: number | null, signal: AbortSignal): Promise<void> {
    await this.#patch(job, { spec: { activeDeadlineSeconds } }, signal);
  }

  async #patch(job: Job, body: object, signal: AbortSignal): Promise<void> {
    const { api, view } = this.#options;
    // Of this Job alone: another one of its name is left in peace.
    const own = {
      ...body,
      metadata: { ...('metadata' in body ? (body.metadata as object) : {}), uid: job.metadata.uid },
    };
    await this.#unlessGone(async () => {
      view.putJob(await api.patch(Jobs, refTo(job), { type: 'merge', body: own }, { signal }));
    });
  }

  async #unlessGone(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** Jobs of which everything is to be forgotten: an Indexed Job stays as long as one of its shards is needed. */
export function forgettable(actions: readonly Action[], sight: Sight, uid: string): Set<Job> {
  const forgotten = new Set(actions.flatMap((it) => (it.type === 'forget' ? [runName(uid, it.key)] : [])));
  const kept = new Set<Job>();
  for (const [name, job] of sight.jobs) if (!forgotten.has(name)) kept.add(job);
  return new Set([...sight.jobs.values()].filter((job) => !kept.has(job)));
}

/** Why each Job is to stop; all shards of an Indexed Job are stopped for the same reason. */
export function stopsOf(actions: readonly Action[], sight: Sight, uid: string): Map<Job, StopReason> {
  const stops = new Map<Job, StopReason>();
  for (const action of actions) {
    if (action.type !== 'stop') continue;
    const job = sight.jobs.get(runName(uid, action.key));
    if (job !== undefined) stops.set(job, action.why);
  }
  return stops;
}

function groupOf({ key }: Start): string {
  const shard = key.stage === 'transcribe' && key.try === 1 ? 'all' : key.shard;
  return `${key.stage}/${shard}/${key.attempt}/${key.try}`;
}

function indexedOf(group: readonly Start[], { job }: StartContext): JobInput['indexed'] {
  if (group.length < 2) return undefined;
  const ends = group.map(({ request }) => (request.stage === 'transcribe' ? request.chunks.to : 0));
  return {
    shards: group.length,
    chunks: Math.max(...ends),
    parallelism: job.spec.transcribe?.parallelism ?? 1,
  };
}

function stopPatch(why: StopReason | undefined, suspend: boolean): object {
  return {
    ...(why !== undefined && { metadata: { annotations: { [JobAnnotation.stop]: why } } }),
    ...(suspend && { spec: { suspend: true } }),
  };
}

function refTo({ metadata }: { readonly metadata: Job['metadata'] }): ObjectRef {
  const { namespace, name } = metadata;
  return { name, ...(namespace !== undefined && { namespace }) };
}
