import { type MediaJob, type RunKey, runName } from '@mediajob/contract';
import { type CoreEvent, controllerOf, type Job, type Pod, type Workload } from '@mediajob/kube';
import { isLive, NO_TALLY, type ObservedRun, type SpentRun } from '@mediajob/pipeline';
import { belongsTo, indexesOf, isIndexed, isRecorded, keyOfJob, tallyOf } from './jobs.js';
import { observeRun, type RunFacts } from './observe-run.js';
import { type GoneBy, goneByGrace, hasEnded, shardOf } from './pods.js';
import type { ProgressBook } from './progress-book.js';
import { NODE_QUIET_MS, nodeLost } from './waiting.js';

/** What the cluster has of one MediaJob; all of it by its UID. */
export interface ClusterOfJob {
  readonly jobs: readonly Job[];
  /** Of those Jobs, and of ones that are gone already. */
  readonly pods: readonly Pod[];
  events(uid: string): readonly CoreEvent[];
  workload(jobUid: string): Workload | undefined;
}

export interface ObserveOptions {
  readonly job: MediaJob;
  readonly cluster: ClusterOfJob;
  readonly book: Pick<ProgressBook, 'get'>;
  /** After which a pod that should be gone is given up, in ms. */
  readonly nodeLostAfterMs: number;
  /** Since when something has been seen, by the clock of `now`, in ms of the epoch; by other clocks it may be minutes off. */
  since(what: string): number;
  /** ms of the epoch */
  readonly now: number;
}

export interface Sight {
  readonly runs: readonly ObservedRun[];
  readonly spent: readonly SpentRun[];
  /** Jobs by the names of their runs: an Indexed Job by several. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** ms of the epoch at which time alone changes what is seen. */
  readonly lookAgainAt: number | undefined;
}

/** From Jobs and pods to runs. It only looks: nothing here decides what an outcome means. */
export function observe(options: ObserveOptions): Sight {
  const { job, cluster } = options;
  const { uid } = job.metadata;
  const goneBy = goneByGrace((pod) => options.since(`${pod.metadata.uid} is to go`));
  const podsOf = Map.groupBy(cluster.pods, (pod) => controllerOf(pod)?.uid ?? '');
  const runs = new Map<string, ObservedRun>();
  const jobs = new Map<string, Job>();
  const spent: SpentRun[] = [];
  for (const it of cluster.jobs) {
    const key = keyOfJob(it);
    if (key === undefined || !belongsTo(it, uid)) continue;
    const pods = podsOf.get(it.metadata.uid) ?? [];
    podsOf.delete(it.metadata.uid);
    if (isRecorded(it)) {
      spent.push(key);
      continue;
    }
    for (const facts of factsOf(it, key, pods, { ...options, goneBy })) {
      const name = runName(uid, facts.key);
      jobs.set(name, it);
      const run = observeRun(facts);
      runs.set(name, isLive(run) ? run : { ...run, endSeenAt: options.since(`${name} has ended`) });
    }
  }
  // Somebody deleted their Job: they may go on writing until their grace is over.
  for (const pod of [...podsOf.values()].flat()) {
    const run = orphan(pod, { ...options, goneBy });
    const name = run === undefined ? '' : runName(uid, run.key);
    if (run !== undefined && !runs.has(name)) runs.set(name, run);
  }
  return { runs: [...runs.values()], spent, jobs, lookAgainAt: nextChange(cluster.pods, { ...options, goneBy }) };
}

type Looking = ObserveOptions & { readonly goneBy: GoneBy };
type JobKey = NonNullable<ReturnType<typeof keyOfJob>>;

function factsOf(job: Job, key: JobKey, pods: readonly Pod[], options: Looking): RunFacts[] {
  const { cluster, book, goneBy, now, nodeLostAfterMs, job: mediaJob } = options;
  const { uid } = mediaJob.metadata;
  const common = {
    job,
    profile: mediaJob.spec.profile,
    tally: tallyOf(job),
    events: [job, ...pods].flatMap(({ metadata }) => cluster.events(metadata.uid)),
    workload: cluster.workload(job.metadata.uid),
    goneBy,
    nodeLostAfterMs,
    now,
  };
  const factsOfRun = (run: RunKey, own: readonly Pod[], index?: RunFacts['index']): RunFacts => ({
    ...common,
    key: run,
    pods: own,
    told: book.get(uid, runName(uid, run)),
    ...(index !== undefined && { index }),
  });
  if (!isIndexed(job)) return [factsOfRun({ ...key, shard: key.shard ?? 0 }, pods)];
  const podsOfShard = Map.groupBy(pods, shardOf);
  const completed = indexesOf(job.status?.completedIndexes);
  const failed = indexesOf(job.status?.failedIndexes);
  return Array.from({ length: job.spec.completions ?? 0 }, (_, shard) =>
    factsOfRun({ ...key, shard }, podsOfShard.get(shard) ?? [], {
      completed: completed.has(shard),
      failed: failed.has(shard),
    }),
  );
}

/** A pod whose Job is gone: it counts as long as it may run, and it has been asked to stop. */
function orphan(pod: Pod, { goneBy, now, nodeLostAfterMs }: Looking): ObservedRun | undefined {
  const key = keyOfJob(pod);
  const by = goneBy(pod);
  if (key === undefined || hasEnded(pod) || (by !== undefined && now >= by + nodeLostAfterMs)) return undefined;
  const waiting = nodeLost(pod, { goneBy, now });
  return {
    key: { ...key, shard: shardOf(pod) },
    tally: NO_TALLY,
    state: 'running',
    stopRequested: true,
    ...(pod.spec.nodeName !== undefined && { node: pod.spec.nodeName }),
    ...(pod.status?.startTime !== undefined && { startedAt: pod.status.startTime }),
    ...(waiting !== undefined && { waiting }),
  };
}

/** A pod that is being deleted says nothing more once its node is away. */
function nextChange(pods: readonly Pod[], { goneBy, now, nodeLostAfterMs }: Looking): number | undefined {
  let next: number | undefined;
  for (const pod of pods) {
    const by = goneBy(pod);
    if (by === undefined || hasEnded(pod)) continue;
    for (const at of [by + NODE_QUIET_MS, by + nodeLostAfterMs]) {
      if (at > now) next = Math.min(next ?? at, at);
    }
  }
  return next;
}
