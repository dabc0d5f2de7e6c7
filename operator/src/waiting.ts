import type { StageName } from '@mediajob/contract';
import type { ContainerStatus, CoreEvent, Job, Pod, Workload } from '@mediajob/kube';
import { STAGE_WORDS, sentence, type Waiting } from '@mediajob/pipeline';
import { QUEUE_LABEL } from './kueue-labels.js';
import { conditionOf, type GoneBy } from './pods.js';

/** Everything that tells why a run does not run. */
export interface WaitingFacts {
  readonly stage: StageName;
  readonly profile: string;
  readonly job: Job;
  /** The youngest that has not ended; undefined when there is none. */
  readonly pod: Pod | undefined;
  /** Of the Job and of the pod: FailedCreate, FailedMount. */
  readonly events: readonly CoreEvent[];
  /** Kueue's side of the Job, where there is one. */
  readonly workload: Workload | undefined;
  readonly goneBy: GoneBy;
  /** ms of the epoch */
  readonly now: number;
}

/** A pod that should be gone for so long sits on a node that does not answer. */
export const NODE_QUIET_MS = 5 * 60_000;

/** “Why is it waiting?”, as one sentence of what is and one of what to do. undefined: nothing worth telling. */
export function waitingFor(facts: WaitingFacts): Waiting | undefined {
  const { pod } = facts;
  if (pod === undefined) return withoutPod(facts);
  return nodeLost(pod, facts) ?? unscheduled(pod, facts) ?? imageMissing(pod, facts) ?? starting(pod, facts);
}

/** Told also of a pod that runs, as far as anybody knows. */
export function nodeLost(pod: Pod, { goneBy, now }: Pick<WaitingFacts, 'goneBy' | 'now'>): Waiting | undefined {
  const by = goneBy(pod);
  if (by === undefined || now < by + NODE_QUIET_MS) return undefined;
  return {
    reason: 'NodeLost',
    message: `The node ${pod.spec.nodeName ?? 'of a pod'} does not answer, so its pod ${pod.metadata.name} cannot be ended. It is given up after a while and its work is done elsewhere; remove or mend the node.`,
  };
}

function unscheduled(pod: Pod, { stage, profile }: WaitingFacts): Waiting | undefined {
  const scheduled = conditionOf(pod, 'PodScheduled');
  if (scheduled === undefined || scheduled.status === 'True') return undefined;
  const what = STAGE_WORDS[stage];
  if (scheduled.reason === 'SchedulingGated') {
    return { reason: 'WaitingForQuota', message: `The ${what} waits until its pod's scheduling gates are lifted.` };
  }
  const said = scheduled.message ?? '';
  if (/persistentvolumeclaim|volume node affinity|volume binding/i.test(said)) {
    return {
      reason: 'VolumePending',
      message: `The ${what} waits for its volume: ${sentence(said)} See to the claims of this namespace.`,
    };
  }
  return {
    reason: 'Unschedulable',
    message: `The ${what} waits for a node that fits the profile ${profile}: ${sentence(said || 'no node does')} It starts by itself when one is free; otherwise add nodes, or make a new job with another profile.`,
  };
}

const IMAGE_TROUBLE = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

function imageMissing(pod: Pod, { stage }: WaitingFacts): Waiting | undefined {
  const found = waitingContainers(pod).find(({ reason }) => IMAGE_TROUBLE.has(reason));
  if (found === undefined) return undefined;
  return {
    reason: 'ImageUnavailable',
    message: `The ${STAGE_WORDS[stage]} waits for its image ${found.image}: ${sentence(found.message)} An administrator has to mend the image's name, the registry or its pull secret; then it goes on by itself.`,
  };
}

function starting(pod: Pod, { stage, events }: WaitingFacts): Waiting {
  const what = STAGE_WORDS[stage];
  const refused = waitingContainers(pod).find(({ reason }) => /^(CreateContainer|RunContainer|Create)/.test(reason));
  if (refused !== undefined && refused.reason !== 'ContainerCreating') {
    return {
      reason: 'PodRefused',
      message: `The node cannot start the ${what} (${refused.reason}): ${sentence(refused.message)}`,
    };
  }
  const mount = newest(events, ['FailedMount', 'FailedAttachVolume']);
  if (mount !== undefined && pod.status?.phase !== 'Running') {
    return {
      reason: 'VolumePending',
      message: `The ${what} waits for its volume: ${sentence(mount)} See to the claims and the storage of this namespace.`,
    };
  }
  const where = pod.spec.nodeName === undefined ? '' : ` on the node ${pod.spec.nodeName}`;
  return { reason: 'WaitingForWorker', message: `The pod of the ${what} is starting${where}.` };
}

function withoutPod({ stage, job, workload, events }: WaitingFacts): Waiting {
  const what = STAGE_WORDS[stage];
  const queue = job.metadata.labels?.[QUEUE_LABEL];
  if (queue !== undefined && job.spec.suspend === true) return inQueue(what, queue, workload);
  const said = newest(events, ['FailedCreate']);
  if (said !== undefined) return refusal(what, said);
  return { reason: 'WaitingForWorker', message: `The pod of the ${what} is being made.` };
}

function inQueue(what: string, queue: string, workload: Workload | undefined): Waiting {
  const of = (type: string) => workload?.status?.conditions?.find((condition) => condition.type === type);
  const [evicted, reserved, admitted] = [of('Evicted'), of('QuotaReserved'), of('Admitted')];
  const said =
    reserved?.status === 'True'
      ? admitted?.status === 'True'
        ? undefined
        : (admitted?.message ?? 'its admission is being checked')
      : [evicted?.status === 'True' ? evicted.message : undefined, reserved?.message].filter(Boolean).join('; ');
  const why = said === undefined || said === '' ? '' : `: ${said}`;
  const next =
    workload === undefined
      ? 'Kueue has not taken it up: is it installed, and is there a LocalQueue of that name?'
      : 'It starts by itself when its turn comes.';
  return { reason: 'WaitingForQuota', message: `The ${what} waits in the queue ${queue}${sentence(why)} ${next}` };
}

/** Why no pod could be made, from the words of the API server. */
export function refusal(what: string, said: string): Waiting {
  const text = sentence(said);
  if (/exceeded quota|must specify limits|must specify requests/i.test(said)) {
    return {
      reason: 'WaitingForQuota',
      message: `The namespace's quota leaves no room for the ${what}: ${text} It starts by itself when there is room; otherwise an administrator has to raise the quota.`,
    };
  }
  const next = /violates PodSecurity/i.test(said)
    ? 'The namespace has to admit pods of the level restricted, which is all they ask for.'
    : /runtimeclass/i.test(said)
      ? 'An administrator has to install that RuntimeClass or mend the profile.'
      : /priorityclass/i.test(said)
        ? 'Make a new job with a priority class that exists, or have an administrator make it.'
        : /serviceaccount|service account/i.test(said)
          ? 'The namespace lacks what Jobs need: an administrator has to prepare it for MediaJobs.'
          : 'An administrator has to see to it; then it goes on by itself.';
  return { reason: 'PodRefused', message: `The cluster refuses the pod of the ${what}: ${text} ${next}` };
}

function waitingContainers({ spec, status }: Pod): { image: string; reason: string; message: string }[] {
  const all: readonly ContainerStatus[] = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ];
  return all.flatMap(({ name, image, state }) => {
    const { reason, message } = state?.waiting ?? {};
    if (reason === undefined) return [];
    const named = spec.containers.find((container) => container.name === name)?.image;
    return [{ image: image || named || 'of its profile', reason, message: message ?? reason }];
  });
}

function newest(events: readonly CoreEvent[], reasons: readonly string[]): string | undefined {
  const timeOf = (event: CoreEvent) =>
    event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
  const told = events.filter(({ reason }) => reason !== undefined && reasons.includes(reason));
  return told.sort((a, b) => (timeOf(a) < timeOf(b) ? 1 : -1))[0]?.message;
}
