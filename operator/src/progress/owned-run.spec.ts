import { API_VERSION, KIND, type RunKey, runName } from '@mediajob/contract';
import { type Job, KubeApiError, type KubeObject, type Pod } from '@mediajob/kube';
import { describe, expect, it } from 'vitest';
import { aJob, aPod, NAMESPACE, UID } from '../../test/builders.js';
import { ownedRun, type PodsAndJobs, podsAndJobs } from './owned-run.js';
import type { PodIdentity } from './token-verdicts.js';

const OTHER = '99999999-2222-4333-8444-555555555555';
const runId = (key: Partial<RunKey> = {}, uid = UID) =>
  runName(uid, { stage: 'convert', shard: 0, attempt: 1, try: 1, ...key });

function identityOf(pod: Pod, change: Partial<PodIdentity> = {}): PodIdentity {
  const { name, uid, namespace = '' } = pod.metadata;
  return { namespace, podName: name, podUid: uid, serviceAccount: 'default', ...change };
}

/** A cluster of these objects alone. */
function clusterOf(...objects: KubeObject[]): PodsAndJobs {
  const find = async (kind: string, ref: { namespace: string; name: string }, uid: string) =>
    objects.find(
      ({ kind: own, metadata }) =>
        own === kind && metadata.namespace === ref.namespace && metadata.name === ref.name && metadata.uid === uid,
    );
  return {
    pod: (ref, uid) => find('Pod', ref, uid) as Promise<Pod | undefined>,
    job: (ref, uid) => find('Job', ref, uid) as Promise<Job | undefined>,
  };
}

describe('a pod reports for its own run', () => {
  it('of its Job, and the answer is the MediaJob', async () => {
    const job = aJob('convert').build();
    const pod = aPod(job).running().build();
    expect(await ownedRun(clusterOf(job, pod), identityOf(pod), runId())).toBe(UID);
  });

  it('of a later try of one shard', async () => {
    const key = { stage: 'transcribe', shard: 3, attempt: 2, try: 2 } as const;
    const job = aJob('transcribe').for(key).build();
    const pod = aPod(job).running().build();
    expect(await ownedRun(clusterOf(job, pod), identityOf(pod), runId(key))).toBe(UID);
  });

  it('of its own index in an Indexed Job, and of no other', async () => {
    const job = aJob('transcribe').indexed(4).build();
    const pod = aPod(job, 2).running().build();
    const cluster = clusterOf(job, pod);
    const shard = (shard: number) => ownedRun(cluster, identityOf(pod), runId({ stage: 'transcribe', shard }));
    expect(await shard(2)).toBe(UID);
    for (const other of [0, 1, 3, 4]) await expect(shard(other)).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('a pod reports for no other run', () => {
  const job = aJob('convert').build();
  const pod = aPod(job).running().build();
  const strangers: [what: string, run: string][] = [
    ['of another MediaJob', runId({}, OTHER)],
    ['of another stage', runId({ stage: 'transcribe' })],
    ['of another attempt', runId({ attempt: 2 })],
    ['of another try', runId({ try: 2 })],
    ['of another shard', runId({ shard: 1 })],
  ];
  it.each(strangers)('%s', async (_what, run) => {
    await expect(ownedRun(clusterOf(job, pod), identityOf(pod), run)).rejects.toMatchObject({
      code: 'forbidden',
      status: 403,
    });
  });

  const owner = (change: object) => [{ ...(pod.metadata.ownerReferences?.[0] as object), ...change }] as never;
  const impostors: [what: string, pod: Pod][] = [
    ['without an owner', aPod(job).with({ ownerReferences: [] }).build()],
    [
      'whose Job is not its controller',
      aPod(job)
        .with({ ownerReferences: owner({ controller: false }) })
        .build(),
    ],
    [
      'of a ReplicaSet',
      aPod(job)
        .with({ ownerReferences: owner({ kind: 'ReplicaSet', apiVersion: 'apps/v1' }) })
        .build(),
    ],
    [
      'of a Job of another group',
      aPod(job)
        .with({ ownerReferences: owner({ apiVersion: 'evil.example/v1' }) })
        .build(),
    ],
  ];
  it.each(impostors)('when it is one %s, whatever its labels say', async (_what, impostor) => {
    await expect(ownedRun(clusterOf(job, impostor), identityOf(impostor), runId())).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  const otherJobs: [what: string, job: Job][] = [
    ['that belongs to nobody', aJob('convert').with({ ownerReferences: [] }).build()],
    [
      'that belongs to another MediaJob',
      aJob('convert')
        .with({ ownerReferences: [{ apiVersion: API_VERSION, kind: KIND, name: 'x', uid: OTHER, controller: true }] })
        .build(),
    ],
    [
      'of something else of the same UID',
      aJob('convert')
        .with({ ownerReferences: [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'x', uid: UID, controller: true }] })
        .build(),
    ],
    ['that is not ours', aJob('convert').with({ labels: {} }).build()],
  ];
  it.each(otherJobs)('when its Job is one %s', async (_what, other) => {
    const its = aPod(other).running().build();
    await expect(ownedRun(clusterOf(other, its), identityOf(its), runId())).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});

describe('what is not there', () => {
  const job = aJob('convert').build();
  const pod = aPod(job).running().build();
  const cluster = clusterOf(job, pod);

  it('is told as not found: the pod, a pod of that name with another UID, the Job, the run', async () => {
    const missing = { code: 'not-found', status: 404 };
    await expect(ownedRun(clusterOf(job), identityOf(pod), runId())).rejects.toMatchObject(missing);
    await expect(ownedRun(cluster, identityOf(pod, { podUid: 'another' }), runId())).rejects.toMatchObject(missing);
    await expect(ownedRun(cluster, identityOf(pod, { namespace: 'other' }), runId())).rejects.toMatchObject(missing);
    await expect(ownedRun(clusterOf(pod), identityOf(pod), runId())).rejects.toMatchObject(missing);
    const renewed = aJob('convert').with({ uid: 'another' }).build();
    await expect(ownedRun(clusterOf(renewed, pod), identityOf(pod), runId())).rejects.toMatchObject(missing);
    await expect(ownedRun(cluster, identityOf(pod), 'somebody-elses-task')).rejects.toMatchObject(missing);
  });
});

describe('after the end', () => {
  const job = aJob('convert').build();
  it.each<[what: string, job: Job, pod: Pod]>([
    ['of the pod', job, aPod(job).ended(0).build()],
    ['of the Job', aJob('convert').complete().build(), aPod(job).running().build()],
    ['of a Job that failed', aJob('convert').failed().build(), aPod(job).running().build()],
    ['of a run that is recorded', aJob('convert').recorded().build(), aPod(job).running().build()],
  ])('%s nothing is taken', async (_what, its, pod) => {
    await expect(ownedRun(clusterOf(its, pod), identityOf(pod), runId())).rejects.toMatchObject({
      code: 'conflict',
      status: 409,
    });
  });
});

describe('pods and Jobs', () => {
  const job = aJob('convert').build();
  const ref = { namespace: NAMESPACE, name: job.metadata.name };

  function aLookup(stored: Job | undefined, onServer: Job | Error | undefined) {
    let asked = 0;
    const cluster = podsAndJobs(
      {
        get: async () => {
          asked += 1;
          if (onServer instanceof Error) throw onServer;
          if (onServer === undefined) throw new KubeApiError('not found', { status: 404, reason: 'NotFound' });
          return onServer as never;
        },
      },
      {
        pods: { get: () => undefined },
        jobs: { get: (key) => (key === `${NAMESPACE}/${ref.name}` ? stored : undefined) },
      },
    );
    return { cluster, asked: () => asked };
  }

  it('come from memory', async () => {
    const { cluster, asked } = aLookup(job, undefined);
    expect([await cluster.job(ref, job.metadata.uid), asked()]).toEqual([job, 0]);
  });

  it('that memory does not know yet, or knows an older one of, come from the server', async () => {
    const older = aJob('convert').with({ uid: 'older' }).build();
    for (const stored of [undefined, older]) {
      const { cluster } = aLookup(stored, job);
      expect(await cluster.job(ref, job.metadata.uid)).toBe(job);
    }
  });

  it('that are nowhere, or are others of the same name, are none', async () => {
    expect(await aLookup(undefined, undefined).cluster.job(ref, job.metadata.uid)).toBeUndefined();
    expect(await aLookup(undefined, job).cluster.job(ref, 'another')).toBeUndefined();
    expect(await aLookup(undefined, undefined).cluster.pod(ref, 'another')).toBeUndefined();
  });

  it('are no guess when the server does not answer', async () => {
    const unreachable = new KubeApiError('cannot be reached', { status: 0, reason: 'Unreachable' });
    await expect(aLookup(undefined, unreachable).cluster.job(ref, 'x')).rejects.toBe(unreachable);
  });
});
