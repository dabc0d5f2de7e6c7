import type { Waiting } from '@mediajob/pipeline';
import { describe, expect, it } from 'vitest';
import { aJob, anEvent, aPod, aWorkload, type JobBuilder, type PodBuilder, START } from '../test/builders.js';
import { QUEUE_LABEL } from './kueue-labels.js';
import { type WaitingFacts, waitingFor } from './waiting.js';

const minutes = (count: number) => START + count * 60_000;

interface Row {
  job?: JobBuilder;
  pod?: PodBuilder;
  facts?: (job: WaitingFacts['job'], pod: WaitingFacts['pod']) => Partial<WaitingFacts>;
  want: { reason: Waiting['reason']; message: RegExp };
}

const job = () => aJob('transcribe');
const inQueue = () =>
  job()
    .labelled({ [QUEUE_LABEL]: 'gpus' })
    .suspended();
const failedCreate = (message: string): Pick<Row, 'facts'> => ({
  facts: (it) => ({ events: [anEvent(it, 'FailedCreate', message)] }),
});
const unschedulable = (message: string) =>
  aPod(job()).withCondition({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message });

const ROWS: Record<string, Row> = {
  'no pod yet: it is being made': { want: { reason: 'WaitingForWorker', message: /being made/ } },
  'no GPU is free': {
    pod: unschedulable('0/3 nodes are available: 3 Insufficient nvidia.com/gpu.'),
    want: {
      reason: 'Unschedulable',
      message:
        /waits for a node that fits the profile gpu: 0\/3 nodes are available: 3 Insufficient nvidia\.com\/gpu\. It starts by itself/,
    },
  },
  'the claim is not bound': {
    pod: unschedulable('0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.'),
    want: { reason: 'VolumePending', message: /waits for its volume: .*See to the claims/ },
  },
  'the claim is missing': {
    pod: unschedulable('0/1 nodes are available: persistentvolumeclaim "media" not found.'),
    want: { reason: 'VolumePending', message: /persistentvolumeclaim "media" not found/ },
  },
  'the image cannot be pulled': {
    pod: aPod(job()).onNode('n1').waiting('ImagePullBackOff', 'Back-off pulling image "transcriber:1"'),
    want: { reason: 'ImageUnavailable', message: /its image transcriber:1: Back-off pulling.*pull secret/ },
  },
  'the volume cannot be mounted': {
    pod: aPod(job()).onNode('n1').waiting('ContainerCreating'),
    facts: (_, pod) => ({
      events: pod === undefined ? [] : [anEvent(pod, 'FailedMount', 'MountVolume.SetUp failed: timeout')],
    }),
    want: { reason: 'VolumePending', message: /MountVolume\.SetUp failed: timeout\. See to/ },
  },
  'the container cannot be made': {
    pod: aPod(job()).onNode('n1').waiting('CreateContainerConfigError', 'subPath is not a directory'),
    want: { reason: 'PodRefused', message: /CreateContainerConfigError\): subPath is not a directory\./ },
  },
  'the pod is starting': {
    pod: aPod(job()).onNode('n1').waiting('PodInitializing'),
    want: { reason: 'WaitingForWorker', message: /starting on the node n1/ },
  },
  'a pod on a node that does not answer for five minutes': {
    pod: aPod(job()).running('n7').terminating(0),
    facts: () => ({ now: minutes(5) }),
    want: { reason: 'NodeLost', message: /The node n7 does not answer/ },
  },
  'the namespace’s quota is used up': {
    ...failedCreate('Error creating: pods "talk-x" is forbidden: exceeded quota: q, requested: cpu=2, used: cpu=4'),
    want: { reason: 'WaitingForQuota', message: /quota leaves no room for the transcription: .*exceeded quota: q/ },
  },
  'Pod Security refuses it': {
    ...failedCreate('Error creating: pods "talk-x" is forbidden: violates PodSecurity "restricted:latest": …'),
    want: { reason: 'PodRefused', message: /violates PodSecurity.*level restricted/ },
  },
  'the RuntimeClass is missing': {
    ...failedCreate('Error creating: pods "talk-x" is forbidden: pod rejected: RuntimeClass "nvidia" not found'),
    want: { reason: 'PodRefused', message: /RuntimeClass "nvidia" not found\. An administrator has to install/ },
  },
  'the priority class is missing': {
    ...failedCreate('Error creating: pods "x" is forbidden: no PriorityClass with name high was found'),
    want: { reason: 'PodRefused', message: /priority class that exists/ },
  },
  'the ServiceAccount is missing': {
    ...failedCreate('Error creating: pods "x" is forbidden: error looking up service account a/b: not found'),
    want: { reason: 'PodRefused', message: /has to prepare it/ },
  },
  'Kueue has no room': {
    job: inQueue(),
    facts: (it) => ({
      workload: aWorkload(it, [
        {
          type: 'QuotaReserved',
          status: 'False',
          message: "couldn't assign flavors: insufficient quota for nvidia.com/gpu",
        },
      ]),
    }),
    want: {
      reason: 'WaitingForQuota',
      message: /waits in the queue gpus: couldn't assign flavors: .* nvidia\.com\/gpu\. It starts by itself/,
    },
  },
  'Kueue has evicted it': {
    job: inQueue(),
    facts: (it) => ({
      workload: aWorkload(it, [
        { type: 'Evicted', status: 'True', message: 'Preempted to accommodate a workload' },
        { type: 'QuotaReserved', status: 'False', message: 'insufficient quota' },
      ]),
    }),
    want: { reason: 'WaitingForQuota', message: /Preempted to accommodate a workload; insufficient quota\./ },
  },
  'Kueue has reserved quota and checks': {
    job: inQueue(),
    facts: (it) => ({
      workload: aWorkload(it, [{ type: 'QuotaReserved', status: 'True', message: 'Quota reserved' }]),
    }),
    want: { reason: 'WaitingForQuota', message: /its admission is being checked/ },
  },
  'nobody has taken it up from its queue': {
    job: inQueue(),
    want: { reason: 'WaitingForQuota', message: /in the queue gpus\. Kueue has not taken it up: is it installed/ },
  },
};

describe('why is it waiting', () => {
  it.each(Object.entries(ROWS))('%s', (_, row) => {
    const built = (row.job ?? job()).build();
    const pod = row.pod?.build();
    const facts: WaitingFacts = {
      stage: 'transcribe',
      profile: 'gpu',
      job: built,
      pod,
      events: [],
      workload: undefined,
      goneBy: ({ metadata }) => (metadata.deletionTimestamp === undefined ? undefined : START),
      now: START,
      ...row.facts?.(built, pod),
    };
    const waiting = waitingFor(facts);
    expect(waiting?.reason).toBe(row.want.reason);
    expect(waiting?.message).toMatch(row.want.message);
    expect(waiting?.message).toMatch(/[.?]$/);
  });

  it('tells the newest of several refusals', () => {
    const built = job().build();
    const old = anEvent(built, 'FailedCreate', 'exceeded quota: old');
    const recent = {
      ...anEvent(built, 'FailedCreate', 'violates PodSecurity "restricted"'),
      lastTimestamp: '2026-01-01T01:00:00Z',
    };
    const facts = {
      stage: 'transcribe',
      profile: 'gpu',
      job: built,
      pod: undefined,
      workload: undefined,
      goneBy: () => undefined,
      now: START,
    } as const;
    expect(waitingFor({ ...facts, events: [recent, old] })?.reason).toBe('PodRefused');
    expect(waitingFor({ ...facts, events: [old, recent] })?.reason).toBe('PodRefused');
  });
});
