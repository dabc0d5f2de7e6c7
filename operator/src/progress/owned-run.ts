import { type JobId, parseRunName, type RunKey } from '@mediajob/contract';
import {
  controllerOf,
  isNotFound,
  type Job,
  Jobs,
  type Kind,
  type KubeApi,
  type KubeObject,
  type ObjectRef,
  type OwnerReference,
  type Pod,
  Pods,
  refKey,
  type StoreReader,
} from '@mediajob/kube';
import { ProblemError } from '@mediajob/service';
import { hasFinished, isIndexed, isRecorded, keyOfJob, mediaJobUid } from '../jobs.js';
import { hasEnded, shardOf } from '../pods.js';
import type { PodIdentity } from './token-verdicts.js';

/** Pods and Jobs by their place and UID; undefined for one that is not there, or is another of the same name. */
export interface PodsAndJobs {
  pod(ref: Required<ObjectRef>, uid: string): Promise<Pod | undefined>;
  job(ref: Required<ObjectRef>, uid: string): Promise<Job | undefined>;
}

/** From what watches have brought; what they have not (yet) is asked for. */
export function podsAndJobs(
  api: Pick<KubeApi, 'get'>,
  stores: { readonly pods: Pick<StoreReader<Pod>, 'get'>; readonly jobs: Pick<StoreReader<Job>, 'get'> },
): PodsAndJobs {
  return {
    pod: (ref, uid) => found(api, Pods, stores.pods, ref, uid),
    job: (ref, uid) => found(api, Jobs, stores.jobs, ref, uid),
  };
}

async function found<T extends KubeObject>(
  api: Pick<KubeApi, 'get'>,
  kind: Kind<T>,
  store: Pick<StoreReader<T>, 'get'>,
  ref: Required<ObjectRef>,
  uid: string,
): Promise<T | undefined> {
  const known = store.get(refKey(ref));
  if (known?.metadata.uid === uid) return known;
  const asked = await api.get(kind, ref).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  return asked?.metadata.uid === uid ? asked : undefined;
}

/**
 * Whether a pod may report for a run: the run must be that of its own Job, and of its own index in an Indexed one.
 * Labels of the pod are not asked, except for the index, which the Job controller sets: what the Job is for, its own
 * owner and labels say.
 *
 * @returns the MediaJob that the run belongs to
 * @throws ProblemError not-found, forbidden, conflict (it has ended); KubeApiError
 */
export async function ownedRun(cluster: PodsAndJobs, identity: PodIdentity, runId: string): Promise<JobId> {
  const { namespace, podName, podUid } = identity;
  const run = parseRunName(runId);
  if (run === undefined) throw notFound(`${runId} is no run`);
  const pod = await cluster.pod({ namespace, name: podName }, podUid);
  if (pod === undefined) throw notFound(`Pod ${namespace}/${podName} is gone`);
  const owner = controllerOf(pod);
  if (owner === undefined || !isJob(owner)) throw forbidden(`Pod ${namespace}/${podName} belongs to no Job`);
  const job = await cluster.job({ namespace, name: owner.name }, owner.uid);
  if (job === undefined) throw notFound(`Job ${namespace}/${owner.name} is gone`);
  const uid = mediaJobUid(job);
  if (uid !== run.jobId || !isRunOf(job, pod, run.key)) {
    throw forbidden(`Pod ${namespace}/${podName} does not run ${runId}`);
  }
  if (hasEnded(pod) || hasFinished(job) || isRecorded(job)) {
    throw new ProblemError('conflict', `The run ${runId} has ended. Nothing more of it is of interest.`);
  }
  return uid;
}

function isJob({ kind, apiVersion }: OwnerReference): boolean {
  return kind === 'Job' && apiVersion.startsWith('batch/');
}

function isRunOf(job: Job, pod: Pod, asked: RunKey): boolean {
  const own = keyOfJob(job);
  const shard = isIndexed(job) ? shardOf(pod) : own?.shard;
  return (
    own !== undefined &&
    own.stage === asked.stage &&
    own.attempt === asked.attempt &&
    own.try === asked.try &&
    shard === asked.shard
  );
}

function notFound(what: string): ProblemError {
  return new ProblemError('not-found', `${what}. Try again shortly, in case it is only just beginning.`);
}

function forbidden(what: string): ProblemError {
  return new ProblemError('forbidden', `${what}. A pod reports only for the run that its Job was made for.`);
}
