import { Annotation } from '@mediajob/contract';
import { Jobs, KubeApiError, Namespaces, PersistentVolumeClaims, Pods } from '@mediajob/kube';
import { NO_TALLY } from '@mediajob/pipeline';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { aMediaJob, anEvent, NAMESPACE } from '../test/builders.js';
import { Rig } from '../test/rig.js';
import { requestOf } from '../test/small-cluster.js';
import { JobMetrics } from './job-metrics.js';
import { JobAnnotation, MEDIAJOB_FINALIZER } from './labels.js';
import { MediaJobs } from './media-job-kind.js';

const failure = (exitCode: number, reason: string, message = 'It did not work.') =>
  ({ failure: { exitCode, reason, message } }) as never;

async function started(builder = aMediaJob()): Promise<Rig> {
  const rig = new Rig();
  rig.cluster.apply(builder);
  await rig.settle();
  return rig;
}

/** A job whose conversion is done, with `chunks` chunks, two of them a shard. */
async function converted(builder = aMediaJob(), chunks = 1): Promise<Rig> {
  const rig = await started(builder);
  rig.cluster.chunks = chunks;
  rig.cluster.run('talk-convert-1');
  rig.cluster.succeed('talk-convert-1');
  await rig.settle();
  return rig;
}

describe('a MediaJob that goes well', () => {
  it('is taken up, converted, transcribed, and has its outputs', async () => {
    const rig = await started();
    expect(rig.jobNames).toEqual(['talk-convert-1']);
    expect(rig.cluster.mediaJobObject?.metadata.finalizers).toEqual([MEDIAJOB_FINALIZER]);
    expect(rig.status).toMatchObject({ phase: 'Queued', observedGeneration: 1 });

    rig.cluster.run('talk-convert-1');
    await rig.settle();
    expect(rig.status.phase).toBe('Converting');

    rig.cluster.succeed('talk-convert-1');
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1', 'talk-transcribe-1']);

    rig.cluster.run('talk-transcribe-1');
    await rig.settle();
    expect(rig.status.phase).toBe('Transcribing');
    rig.cluster.succeed('talk-transcribe-1');
    await rig.settle();
    expect(rig.status).toMatchObject({
      phase: 'Succeeded',
      language: 'en',
      durationText: '5:00',
      outputs: [{ name: 'transcript.json', format: 'json', bytes: 10 }],
      progress: { percent: 100, text: '100%' },
    });
    expect(rig.status.stages.map(({ state, percent }) => [state, percent])).toEqual([
      ['Succeeded', 100],
      ['Succeeded', 100],
      ['Succeeded', 100],
    ]);
    expect(rig.reasons).toEqual([
      'Accepted',
      'StageStarted',
      'StageFinished',
      'StageStarted',
      'StageFinished',
      'StageFinished',
      'Succeeded',
    ]);
  });

  it('keeps its Jobs for a while when their outcome is in the status, and not before', async () => {
    const rig = await converted();
    expect(rig.cluster.job('talk-convert-1').spec.ttlSecondsAfterFinished).toBeUndefined();
    rig.cluster.run('talk-transcribe-1');
    rig.cluster.succeed('talk-transcribe-1');
    await rig.settle();
    for (const job of rig.cluster.jobs) {
      expect(job.spec.ttlSecondsAfterFinished).toBe(3600);
      expect(job.metadata.annotations?.[JobAnnotation.recorded]).toBe('true');
    }
  });

  it('costs few writes, and none when nothing happens', async () => {
    const rig = await converted();
    rig.cluster.run('talk-transcribe-1');
    await rig.settle();
    rig.cluster.succeed('talk-transcribe-1');
    await rig.settle();
    // 2 Jobs made and let go, 1 taken up, and statuses: accepted, converting, its end, transcribing, the end; progress.
    expect(rig.api.writes.length).toBeLessThanOrEqual(14);
    const before = rig.api.writes.length;
    for (let looks = 0; looks < 5; looks++) await rig.reconcile();
    rig.restart();
    await rig.reconcile();
    expect(rig.api.writes.length).toBe(before);
  });

  it('is split into shards in one Indexed Job, and finalized by a Job of its own', async () => {
    const rig = await converted(aMediaJob().withSpec({ transcribe: { parallelism: 2 } }), 6);
    const job = rig.cluster.job('talk-transcribe-1');
    expect(job.spec).toMatchObject({ completionMode: 'Indexed', completions: 3, parallelism: 2 });
    expect(rig.cluster.jobController.podsOf(job)).toHaveLength(2);
    expect(requestOf(rig.cluster.pod('talk-transcribe-1', 0))).toMatchObject({ shard: 0, chunks: { from: 0, to: 2 } });
    for (const shard of [0, 1, 2]) {
      rig.cluster.run('talk-transcribe-1', shard);
      await rig.settle();
      rig.cluster.succeed('talk-transcribe-1', shard);
      await rig.settle();
    }
    expect(rig.jobNames).toContain('talk-finalize-1');
    expect(rig.status.stages.find(({ name }) => name === 'transcribe')).toMatchObject({ shards: 3, shardsDone: 3 });
    rig.cluster.succeed('talk-finalize-1');
    await rig.settle();
    expect(rig.status.phase).toBe('Succeeded');
  });

  it('renders beside', async () => {
    const rig = await converted(aMediaJob().withSpec({ convert: { renditions: [{ format: 'mp3' }] } }));
    expect(rig.jobNames).toEqual(['talk-convert-1', 'talk-render-1', 'talk-transcribe-1']);
    rig.cluster.succeed('talk-render-1');
    rig.cluster.succeed('talk-transcribe-1');
    await rig.settle();
    expect(rig.status.outputs.map(({ name }) => name)).toEqual(['transcript.json', 'media.mp3']);
  });
});

describe('a run that fails', () => {
  it('ends the job when nothing could mend it', async () => {
    const rig = await started();
    rig.cluster.fail('talk-convert-1', 65, failure(65, 'UnsupportedMedia', 'There is no audio in it.'));
    await rig.settle();
    expect(rig.status.phase).toBe('Failed');
    expect(rig.condition('Failed')).toMatchObject({ status: 'True', reason: 'UnsupportedMedia' });
    expect(rig.status.message).toMatch(/There is no audio in it\./);
    expect(rig.jobNames).toEqual(['talk-convert-1']);
  });

  it('is tried again under a new name, after a while', async () => {
    const rig = await started();
    rig.cluster.fail('talk-convert-1', 75, failure(75, 'Temporary'));
    expect(await rig.settle()).toBe(5_000);
    expect(rig.status).toMatchObject({ phase: 'Queued', attempts: [{ reason: 'Temporary', exitCode: 75 }] });
    await rig.pass(5);
    expect(rig.jobNames).toEqual(['talk-convert-1', 'talk-convert-1-0-2']);
    expect(rig.cluster.job('talk-convert-1').metadata.annotations?.[JobAnnotation.recorded]).toBe('true');
  });

  it('gets more memory when it had too little, up to what the profile allows', async () => {
    const rig = new Rig();
    rig.useProfiles('profiles: {default: {convert: {resources: {limits: {memory: 1Gi}}, maxMemory: 2Gi}}}');
    rig.cluster.apply(aMediaJob().withSpec({ retries: 5 }));
    await rig.settle();
    const limits: (string | undefined)[] = [];
    for (const name of ['talk-convert-1', 'talk-convert-1-0-2', 'talk-convert-1-0-3']) {
      rig.cluster.run(name);
      rig.cluster.fail(name, 137, undefined, { reason: 'OOMKilled' });
      await rig.settle();
      await rig.pass(300);
    }
    for (const name of ['talk-convert-1', 'talk-convert-1-0-2', 'talk-convert-1-0-3', 'talk-convert-1-0-4']) {
      limits.push(rig.cluster.job(name).spec.template.spec.containers[0]?.resources?.limits?.memory);
    }
    expect(limits).toEqual(['1Gi', '1536Mi', '2048Mi', '2048Mi']);
    expect(rig.status.attempts[0]).toMatchObject({ reason: 'OutOfMemory' });
  });

  it('keeps away from a node whose GPU failed', async () => {
    const rig = await converted();
    rig.cluster.run('talk-transcribe-1', undefined, 'gpu-1');
    rig.cluster.fail('talk-transcribe-1', 69, failure(69, 'DeviceUnavailable'));
    await rig.settle();
    await rig.pass(5);
    expect(JSON.stringify(rig.cluster.job('talk-transcribe-1-0-2').spec.template.spec.affinity)).toContain('gpu-1');
  });

  it('waits for a model, and says what to do', async () => {
    const rig = await converted();
    rig.cluster.fail('talk-transcribe-1', 78, failure(78, 'ModelNotFound', 'The model base is not installed.'));
    await rig.settle();
    expect(rig.condition('Queued')).toMatchObject({ status: 'True', reason: 'ModelMissing' });
    await rig.pass(14);
    expect(rig.jobNames).not.toContain('talk-transcribe-1-0-2');
    await rig.pass(1);
    expect(rig.jobNames).toContain('talk-transcribe-1-0-2');
  });

  it('is no failure when it was preempted: its Job makes another pod', async () => {
    const rig = await started(aMediaJob().withSpec({ retries: 0 }));
    rig.cluster.run('talk-convert-1');
    const pod = rig.cluster.pod('talk-convert-1');
    rig.cluster.fail('talk-convert-1', 143, failure(143, 'Interrupted'));
    rig.cluster.status(pod, {
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }],
    });
    await rig.settle();
    rig.cluster.run('talk-convert-1');
    await rig.settle();
    expect(rig.status).toMatchObject({ phase: 'Converting', attempts: [] });
    expect(rig.jobNames).toEqual(['talk-convert-1']);
  });

  it('of one shard is tried again by itself, and the others are kept', async () => {
    const rig = await converted(aMediaJob(), 6);
    for (const shard of [0, 1, 2]) rig.cluster.run('talk-transcribe-1', shard);
    rig.cluster.succeed('talk-transcribe-1', 0);
    rig.cluster.fail('talk-transcribe-1', 75, failure(75, 'Temporary'), { index: 1 });
    rig.cluster.succeed('talk-transcribe-1', 2);
    await rig.settle();
    expect(rig.jobNames).not.toContain('talk-transcribe-1-1-2');
    await rig.pass(5);
    expect(rig.jobNames).toContain('talk-transcribe-1-1-2');
    expect(requestOf(rig.cluster.pod('talk-transcribe-1-1-2'))).toMatchObject({ shard: 1, chunks: { from: 2, to: 4 } });
    // The Indexed Job still tells of shards 0 and 2.
    expect(rig.cluster.job('talk-transcribe-1').metadata.annotations?.[JobAnnotation.recorded]).toBeUndefined();
    rig.cluster.succeed('talk-transcribe-1-1-2');
    await rig.settle();
    rig.cluster.succeed('talk-finalize-1');
    await rig.settle();
    expect(rig.status.phase).toBe('Succeeded');
    expect(rig.cluster.job('talk-transcribe-1').metadata.annotations?.[JobAnnotation.recorded]).toBe('true');
  });

  it('of one shard for good stops the others and ends the job', async () => {
    const rig = await converted(aMediaJob(), 6);
    for (const shard of [0, 1, 2]) rig.cluster.run('talk-transcribe-1', shard);
    rig.cluster.fail('talk-transcribe-1', 65, failure(65, 'UnsupportedMedia'), { index: 1 });
    await rig.settle();
    expect(rig.status.phase).toBe('Failed');
    expect(rig.cluster.job('talk-transcribe-1').spec.suspend).toBe(true);
    rig.cluster.endTerminating();
    await rig.settle();
    // It never ends by itself any more, so it is deleted rather than kept.
    expect(rig.jobNames).toEqual(['talk-convert-1']);
  });

  it('without a readable result is run again, once the server has been asked for its pod', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1');
    rig.cluster.succeed('talk-convert-1');
    rig.cluster.jobController.sync();
    for (const pod of rig.cluster.server.all(Pods)) {
      rig.cluster.server.delete(Pods, pod.metadata as never, { propagationPolicy: 'Background' });
    }
    await rig.settle();
    expect(rig.condition('Queued')).toMatchObject({ reason: 'WaitingForRetry' });
    expect(rig.status.message).toMatch(/could not be read: its pod is gone, and that with it\.$/);
    await rig.pass(5);
    expect(rig.jobNames).toEqual(['talk-convert-1', 'talk-convert-1-0-2']);
    expect(rig.api.reads.filter((read) => read === 'list pods')).toHaveLength(1);
  });

  it('on a node that does not answer says so after 5 min, and is done elsewhere after 15', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1', undefined, 'n7');
    await rig.settle();
    const pod = rig.cluster.pod('talk-convert-1');
    rig.cluster.server.delete(Pods, pod.metadata as never, { propagationPolicy: 'Background' });
    await rig.settle();
    expect(rig.status).toMatchObject({ phase: 'Converting', message: '' });
    await rig.pass(30 + 5 * 60);
    expect(rig.status.message).toMatch(/The node n7 does not answer/);
    await rig.pass(10 * 60);
    expect(rig.jobNames).toEqual(['talk-convert-1-0-2']);
    expect(rig.status.attempts).toMatchObject([{ reason: 'WorkerLost', counted: false }]);
    rig.cluster.run('talk-convert-1-0-2');
    rig.cluster.succeed('talk-convert-1-0-2');
    await rig.settle();
    expect(rig.jobNames).toContain('talk-transcribe-1');
  });
});

describe('a person', () => {
  it('suspends: pods end, parts are kept, and nothing starts', async () => {
    const rig = await converted();
    rig.cluster.run('talk-transcribe-1');
    await rig.settle();
    rig.cluster.patchSpec({ suspend: true });
    await rig.settle();
    expect(rig.status.phase).toBe('Suspended');
    expect(rig.cluster.job('talk-transcribe-1')).toMatchObject({
      spec: { suspend: true },
      metadata: { annotations: { [JobAnnotation.stop]: 'suspended' } },
    });
    rig.cluster.endTerminating();
    await rig.settle();
    await rig.pass(3600);
    expect(rig.jobNames).toEqual(['talk-convert-1', 'talk-transcribe-1']);

    rig.cluster.patchSpec({ suspend: false });
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1', 'talk-transcribe-1-0-2']);
    rig.cluster.succeed('talk-transcribe-1-0-2');
    await rig.settle();
    expect(rig.status).toMatchObject({ phase: 'Succeeded', attempts: [] });
  });

  it('resumes before the pods have ended: nothing starts beside them', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1');
    await rig.settle();
    rig.cluster.patchSpec({ suspend: true });
    await rig.settle();
    rig.cluster.patchSpec({ suspend: false });
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1']);
    rig.cluster.endTerminating();
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1-0-2']);
  });

  it('cancels and retries: a new attempt goes on from what is finished', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1');
    await rig.settle();
    rig.cluster.patchSpec({ cancel: true });
    await rig.settle();
    rig.cluster.endTerminating();
    await rig.settle();
    expect(rig.status.phase).toBe('Cancelled');
    expect(rig.condition('Failed')).toMatchObject({ reason: 'Cancelled' });
    expect(rig.jobNames).toEqual([]);

    rig.cluster.patchSpec({ cancel: false });
    rig.cluster.annotate({ [Annotation.retry]: 'a' });
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-2']);
    expect(rig.status).toMatchObject({ attempt: 2, retryToken: 'a', phase: 'Queued' });
  });

  it('retries a job that succeeded: progress begins anew', async () => {
    const rig = await converted();
    rig.cluster.succeed('talk-transcribe-1');
    await rig.settle();
    rig.cluster.annotate({ [Annotation.retry]: 'again' });
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1', 'talk-convert-2', 'talk-transcribe-1']);
    expect(rig.status).toMatchObject({ attempt: 2, progress: { percent: 0, text: '0%' } });
    expect(rig.status.stages.every(({ percent }) => percent === 0)).toBe(true);
  });

  it('gives it a deadline, and more of it', async () => {
    const rig = await started(aMediaJob().withSpec({ activeDeadlineSeconds: 600 }));
    expect(rig.cluster.job('talk-convert-1').spec.activeDeadlineSeconds).toBe(660);
    rig.cluster.run('talk-convert-1');
    await rig.settle();
    rig.cluster.patchSpec({ activeDeadlineSeconds: 6000 });
    await rig.settle();
    expect(rig.cluster.job('talk-convert-1').spec.activeDeadlineSeconds).toBe(6060);
    rig.cluster.patchSpec({ activeDeadlineSeconds: undefined });
    await rig.settle();
    expect(rig.cluster.job('talk-convert-1').spec.activeDeadlineSeconds).toBeUndefined();
  });

  it('is told when the deadline is over', async () => {
    const rig = await started(aMediaJob().withSpec({ activeDeadlineSeconds: 60 }));
    rig.cluster.run('talk-convert-1');
    expect(await rig.settle()).toBe(60_000);
    await rig.pass(60);
    expect(rig.condition('Failed')).toMatchObject({ reason: 'DeadlineExceeded' });
    expect(rig.cluster.job('talk-convert-1').spec.suspend).toBe(true);
  });

  it('pauses the reconcile, and ends the pause', async () => {
    const rig = await started();
    rig.cluster.annotate({ [Annotation.pause]: 'true' });
    rig.cluster.patchSpec({ cancel: true });
    await rig.settle();
    expect(rig.condition('Queued')?.reason).toBe('Paused');
    expect(rig.cluster.job('talk-convert-1').spec.suspend).toBeUndefined();
    rig.cluster.annotate({ [Annotation.pause]: 'false' });
    await rig.settle();
    expect(rig.status.phase).toBe('Cancelled');
  });

  it('lets it delete itself when its time is over', async () => {
    const rig = await converted(aMediaJob().withSpec({ ttlSecondsAfterFinished: 100 }));
    rig.cluster.succeed('talk-transcribe-1');
    expect(await rig.settle()).toBe(100_000);
    await rig.pass(100);
    expect(rig.jobNames).toContain(`talk-cleanup-${rig.cluster.mediaJobObject?.metadata.uid.slice(0, 8)}-1`);
  });

  it('deletes a Job of it: what still runs is waited for, and the run starts anew', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1');
    await rig.settle();
    rig.cluster.server.delete(
      Jobs,
      { namespace: NAMESPACE, name: 'talk-convert-1' },
      { propagationPolicy: 'Background' },
    );
    await rig.settle();
    expect(rig.jobNames).toEqual([]);
    rig.cluster.collectGarbage();
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1']);
  });
});

describe('why is it waiting', () => {
  it('a profile that is missing holds it, until it comes', async () => {
    const rig = await started(aMediaJob().withSpec({ profile: 'gpu' }));
    expect(rig.jobNames).toEqual([]);
    expect(rig.condition('Accepted')).toMatchObject({ status: 'False', reason: 'ProfileNotFound' });
    expect(rig.status.message).toBe(
      'There is no profile gpu here, only default. An administrator can add it, and the job starts by itself; or make a new job with one that is there.',
    );
    rig.useProfiles('profiles: {gpu: {}}');
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1']);
    expect(rig.condition('Accepted')).toMatchObject({ status: 'True' });
  });

  it('no GPU is free', async () => {
    const rig = await converted();
    rig.cluster.status(rig.cluster.pod('talk-transcribe-1'), {
      conditions: [
        {
          type: 'PodScheduled',
          status: 'False',
          reason: 'Unschedulable',
          message: '0/1 nodes: 1 Insufficient nvidia.com/gpu.',
        },
      ],
    });
    await rig.settle();
    expect(rig.condition('Queued')).toMatchObject({ status: 'True', reason: 'Unschedulable' });
    expect(rig.status.message).toMatch(/Insufficient nvidia\.com\/gpu/);
  });

  it('the namespace refuses its pods', async () => {
    const rig = new Rig();
    rig.cluster.jobController.refuse = () => 'no';
    rig.cluster.apply();
    await rig.settle();
    const event = anEvent(
      rig.cluster.job('talk-convert-1'),
      'FailedCreate',
      'violates PodSecurity "restricted:latest"',
    );
    const { resourceVersion: _, creationTimestamp: __, uid: ___, ...metadata } = event.metadata;
    const { CoreEvents } = await import('@mediajob/kube');
    rig.cluster.server.create(CoreEvents, { ...event, metadata });
    await rig.settle();
    expect(rig.condition('Queued')).toMatchObject({ reason: 'PodRefused' });
    expect(rig.reasons).toContain('PodRefused');
  });

  it('another Job has its name', async () => {
    const rig = new Rig();
    rig.cluster.server.create(Jobs, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'talk-convert-1', namespace: NAMESPACE },
      spec: { template: { spec: { containers: [] } } },
    });
    rig.cluster.apply();
    expect(await rig.settle()).toBe(30_000);
    expect(rig.condition('Queued')).toMatchObject({ reason: 'NameConflict' });
    expect(rig.status.message).toMatch(/There is a Job talk-convert-1 that belongs to something else/);
    rig.cluster.server.delete(
      Jobs,
      { namespace: NAMESPACE, name: 'talk-convert-1' },
      { propagationPolicy: 'Background' },
    );
    await rig.pass(30);
    expect(rig.jobNames).toEqual(['talk-convert-1']);
    expect(rig.condition('Queued')?.reason).toBe('WaitingForWorker');
  });

  it.each([
    ['quota', 403, 'Forbidden', 'jobs.batch is forbidden: exceeded quota: q', 'WaitingForQuota', 30_000],
    ['a policy', 403, 'Forbidden', 'admission webhook "p" denied the request', 'PodRefused', 30_000],
    ['an invalid profile', 422, 'Invalid', 'spec.template.spec.tolerations: Invalid value', 'PodRefused', 30_000],
    ['a webhook that is down', 500, 'InternalError', 'failed calling webhook', 'WaitingForWorker', 5_000],
  ])('the API server refuses its Job: %s', async (_, status, reason, message, want, again) => {
    const rig = new Rig();
    const error = new KubeApiError(`POST /jobs was answered with ${status} ${reason}: ${message}`, { status, reason });
    rig.api.fault = (write) => (write.verb === 'create' ? { error } : undefined);
    rig.cluster.apply();
    expect(await rig.settle()).toBe(again);
    expect(rig.condition('Queued')).toMatchObject({ status: 'True', reason: want });
    expect(rig.status.message).toContain(message);
    expect(rig.status.message).not.toContain('POST');
    rig.api.fault = () => undefined;
    await rig.pass(30);
    expect(rig.jobNames).toEqual(['talk-convert-1']);
  });
});

describe('an object that is not understood', () => {
  const spoil = (rig: Rig) => rig.cluster.edit((it) => ({ ...it, spec: { ...(it.spec as object), retries: 'many' } }));

  it('is refused with the field named, and nothing of it is run', async () => {
    const rig = new Rig();
    rig.cluster.apply();
    spoil(rig);
    await rig.settle();
    expect(rig.condition('Accepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    expect(rig.status).toMatchObject({ phase: 'Failed', message: expect.stringMatching(/^spec\.retries: /) });
    expect(rig.jobNames).toEqual([]);
    expect(rig.reasons).toEqual(['InvalidSpec']);
    await rig.settle();
    expect(rig.reasons).toEqual(['InvalidSpec']);
  });

  it('is left alone when it runs already, and goes on when it is mended', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1');
    await rig.settle();
    spoil(rig);
    await rig.settle();
    expect(rig.status.phase).toBe('Converting');
    expect(rig.condition('Accepted')).toMatchObject({ status: 'False', reason: 'InvalidSpec' });
    rig.cluster.succeed('talk-convert-1');
    await rig.settle();
    rig.cluster.patchSpec({ retries: 2 });
    await rig.settle();
    expect(rig.jobNames).toContain('talk-transcribe-1');
    expect(rig.condition('Accepted')).toMatchObject({ status: 'True' });
  });

  it('can be deleted', async () => {
    const rig = await started();
    spoil(rig);
    await rig.settle();
    rig.cluster.delete();
    await rig.settle();
    rig.cluster.endTerminating();
    await rig.settle();
    const cleanup = rig.jobNames.find((name) => name.includes('cleanup')) ?? '';
    rig.cluster.succeed(cleanup);
    await rig.settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
  });

  it('never becomes a failure after it has succeeded', async () => {
    const rig = await converted();
    rig.cluster.succeed('talk-transcribe-1');
    await rig.settle();
    spoil(rig);
    await rig.settle();
    expect(rig.status.phase).toBe('Succeeded');
  });
});

describe('what may not be read', () => {
  it('is not taken for what is not there: its MediaJob is left alone until it may', async () => {
    const rig = new Rig();
    rig.cluster.readable = false;
    rig.cluster.apply();
    expect(await rig.reconcile()).toBeUndefined();
    expect(rig.api.writes).toEqual([]);
    rig.cluster.readable = true;
    await rig.settle();
    expect(rig.jobNames).toEqual(['talk-convert-1']);
  });
});

describe('deletion', () => {
  const cleanupOf = (rig: Rig) => rig.jobNames.find((name) => name.startsWith('talk-cleanup-')) ?? 'none';

  it('stops, waits, removes the files, and lets go', async () => {
    const rig = await converted();
    rig.cluster.run('talk-transcribe-1');
    await rig.settle();
    rig.cluster.delete();
    await rig.settle();
    expect(cleanupOf(rig)).toBe('none');
    expect(rig.status.message).toMatch(/its runs are stopped first/);
    rig.cluster.endTerminating();
    await rig.settle();
    expect(rig.jobNames).toEqual([cleanupOf(rig)]);
    const job = rig.cluster.job(cleanupOf(rig));
    expect(job.metadata.ownerReferences).toBeUndefined();
    expect(job.spec.ttlSecondsAfterFinished).toBe(3600);
    rig.cluster.run(cleanupOf(rig));
    rig.cluster.succeed(cleanupOf(rig));
    await rig.settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
    expect(rig.reasons.at(-1)).toBe('Removed');
  });

  it('tries a cleanup that fails again, however often', async () => {
    const rig = await started();
    rig.cluster.delete();
    await rig.settle();
    rig.cluster.endTerminating();
    await rig.settle();
    rig.cluster.fail(cleanupOf(rig), 74, failure(74, 'StorageError', 'The volume does not answer.'));
    await rig.settle();
    expect(rig.status.message).toMatch(/could not be removed yet; it is tried again\. The volume does not answer\./);
    await rig.pass(5);
    const again = rig.jobNames.find((name) => name.endsWith('-2')) ?? '';
    rig.cluster.succeed(again);
    await rig.settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
  });

  it('keeps the files when asked to', async () => {
    const rig = await started(aMediaJob().withAnnotation(Annotation.keepFiles, 'true'));
    rig.cluster.delete();
    await rig.settle();
    rig.cluster.endTerminating();
    await rig.settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
    expect(rig.jobNames).toEqual([]);
    expect(rig.told.at(-1)?.note).toMatch(/files are kept/);
  });

  it.each([
    [
      'the claim is gone',
      (rig: Rig) =>
        rig.cluster.server.delete(
          PersistentVolumeClaims,
          { namespace: NAMESPACE, name: 'media' },
          { propagationPolicy: 'Background' },
        ),
      /claim media is gone/,
    ],
    [
      'the claim is being deleted',
      (rig: Rig) => {
        const ref = { namespace: NAMESPACE, name: 'media' };
        rig.cluster.server.update(PersistentVolumeClaims, ref, (it) => ({
          ...it,
          metadata: { ...it.metadata, finalizers: ['kubernetes.io/pvc-protection'] },
        }));
        rig.cluster.server.delete(PersistentVolumeClaims, ref, { propagationPolicy: 'Background' });
      },
      /claim media is being deleted/,
    ],
  ])('lets go when %s, and says so', async (_, happen, want) => {
    const rig = await started();
    rig.cluster.delete();
    happen(rig);
    await rig.settle();
    rig.cluster.endTerminating();
    await rig.settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
    expect(cleanupOf(rig)).toBe('none');
    expect(rig.told.at(-1)).toMatchObject({ type: 'Warning', reason: 'FilesLeft', note: expect.stringMatching(want) });
  });

  const endNamespace = (rig: Rig) => {
    const status = { phase: 'Terminating' } as const;
    const options = { subresource: 'status' } as const;
    rig.cluster.server.update(Namespaces, { name: NAMESPACE }, (it) => ({ ...it, status }), options);
  };
  const forbidden = () => new KubeApiError('may not', { status: 403, reason: 'Forbidden' });

  describe('lets go at once when its namespace is being deleted, and says so in the log,', () => {
    const expectLeft = async (rig: Rig) => {
      const writes = rig.api.writes.length;
      await rig.settle();
      expect(rig.cluster.mediaJobObject).toBeUndefined();
      expect(cleanupOf(rig)).toBe('none');
      expect(rig.api.writes.slice(writes).map(({ verb, resource }) => `${verb} ${resource}`)).toEqual([
        'patch mediajobs',
      ]);
      expect(rig.log.at('info')).toEqual([expect.stringMatching(/its namespace is being deleted; its files go with/)]);
    };

    it('while it runs, and the rights to anything else are gone', async () => {
      const rig = await started();
      rig.cluster.run('talk-convert-1');
      await rig.settle();
      rig.cluster.delete();
      endNamespace(rig);
      rig.api.fault = ({ resource }) => (resource === 'mediajobs' ? undefined : { error: forbidden() });
      await expectLeft(rig);
    });

    it('while it waits for its pods to end', async () => {
      const rig = await started();
      rig.cluster.run('talk-convert-1');
      await rig.settle();
      rig.cluster.delete();
      expect(await rig.settle()).toBeLessThanOrEqual(60_000);
      endNamespace(rig);
      await expectLeft(rig);
    });

    it('after it has ended', async () => {
      const rig = await converted();
      rig.cluster.succeed('talk-transcribe-1');
      await rig.settle();
      rig.cluster.delete();
      endNamespace(rig);
      await expectLeft(rig);
    });

    it('when somebody has paused it', async () => {
      const rig = await started();
      rig.cluster.annotate({ [Annotation.pause]: 'true' });
      rig.cluster.delete();
      expect(await rig.settle()).toBeLessThanOrEqual(60_000);
      expect(rig.cluster.mediaJobObject).toBeDefined();
      endNamespace(rig);
      await expectLeft(rig);
    });

    it('when nothing else may be read any more', async () => {
      const rig = await started();
      rig.cluster.readable = false;
      rig.cluster.delete();
      expect(await rig.settle()).toBe(60_000);
      expect(rig.cluster.mediaJobObject).toBeDefined();
      endNamespace(rig);
      await expectLeft(rig);
    });
  });

  it('of one that is gone already is none', async () => {
    const rig = await started();
    rig.cluster.delete();
    endNamespace(rig);
    const gone = new KubeApiError('not found', { status: 404, reason: 'NotFound' });
    rig.api.fault = () => ({ error: gone });
    expect(await rig.reconcile()).toBeUndefined();
    expect(rig.log.lines).toEqual([]);
  });

  it('is left alone, and not asked about again, where neither its Jobs nor its namespace may be read', async () => {
    const rig = await started();
    rig.cluster.readable = false;
    rig.cluster.delete();
    rig.api.get = async () => {
      throw forbidden();
    };
    const writes = rig.api.writes.length;
    expect(await rig.reconcile()).toBeUndefined();
    expect(rig.api.writes.length).toBe(writes);
  });

  it('lets go when the claim goes while a cleanup waits for it', async () => {
    const rig = await started();
    rig.cluster.delete();
    await rig.settle();
    rig.cluster.endTerminating();
    await rig.settle();
    expect(cleanupOf(rig)).not.toBe('none');
    rig.cluster.server.delete(
      PersistentVolumeClaims,
      { namespace: NAMESPACE, name: 'media' },
      { propagationPolicy: 'Background' },
    );
    await rig.settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
    expect(rig.jobNames).toEqual([]);
  });

  it('of a job that never ran does nothing of ours', async () => {
    const rig = await started(aMediaJob().withSpec({ profile: 'gpu' }));
    rig.cluster.delete();
    await rig.settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
  });

  it('of a job with the same name again meets no other’s Jobs', async () => {
    const rig = await started(aMediaJob().withAnnotation(Annotation.keepFiles, 'true'));
    const first = rig.cluster.mediaJobObject?.metadata.uid;
    rig.cluster.delete();
    await rig.settle();
    rig.cluster.endTerminating();
    await rig.settle();
    rig.cluster.apply();
    await rig.settle();
    const [owner] = rig.cluster.job('talk-convert-1').metadata.ownerReferences ?? [];
    expect(owner?.uid).toBe(rig.cluster.mediaJobObject?.metadata.uid);
    expect(owner?.uid).not.toBe(first);
  });
});

describe('progress', () => {
  const report = (rig: Rig, fraction: number) => {
    const uid = rig.cluster.mediaJobObject?.metadata.uid ?? '';
    rig.book.update(
      uid,
      `${uid}-transcribe-0-1-1`,
      { fraction, realtimeFactor: 10 },
      { cpuSeconds: fraction * 10, maxRssBytes: 5 },
    );
  };
  const progressWrites = (rig: Rig) => rig.api.writes.filter((it) => it.fieldManager === 'mediajob-progress').length;

  async function transcribing(): Promise<Rig> {
    const rig = await converted();
    rig.cluster.run('talk-transcribe-1');
    await rig.settle();
    rig.cluster.now += 10_000;
    await rig.settle();
    return rig;
  }

  it('is written by its own manager, once in five seconds', async () => {
    const rig = await transcribing();
    report(rig, 0.5);
    await rig.settle();
    const before = progressWrites(rig);
    const percent = rig.status.progress.percent;
    expect(percent).toBeGreaterThan(40);
    report(rig, 0.6);
    expect(await rig.settle()).toBe(5_000);
    report(rig, 0.7);
    await rig.settle();
    expect(progressWrites(rig)).toBe(before);
    await rig.pass(5);
    expect(progressWrites(rig)).toBe(before + 1);
    expect(rig.status.progress.percent).toBeGreaterThan(percent);
    expect(rig.status).toMatchObject({ usage: { cpuSeconds: 7, maxRssBytes: 5 } });
    const owners = rig.cluster.server.ownersOf(MediaJobs, { namespace: NAMESPACE, name: 'talk' });
    const main = owners['mediajob-operator Apply/status'] ?? [];
    expect(main.filter((field) => /progress|percent|usage/.test(field))).toEqual([]);
    expect(owners['mediajob-progress Apply/status']).toContain('.status.progress.percent');
  });

  it('is not forgotten by a new leader, and never goes back', async () => {
    const rig = await transcribing();
    report(rig, 0.5);
    await rig.settle();
    const { percent } = rig.status.progress;
    rig.book.drop(rig.cluster.mediaJobObject?.metadata.uid ?? '');
    rig.restart();
    await rig.pass(60);
    expect(rig.status.progress.percent).toBe(percent);
  });

  it('is 100 with success, and not written after the end', async () => {
    const rig = await transcribing();
    report(rig, 0.9);
    rig.cluster.succeed('talk-transcribe-1');
    await rig.settle();
    expect(rig.status).toMatchObject({ phase: 'Succeeded', progress: { percent: 100 } });
    const before = rig.api.writes.length;
    report(rig, 0.95);
    await rig.pass(60);
    expect(rig.api.writes.length).toBe(before);
  });
});

describe('an upgrade', () => {
  it('never touches a Job under way, and says once that it differs', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1');
    await rig.settle();
    const before = rig.cluster.job('talk-convert-1');
    rig.useProfiles('profiles: {default: {convert: {resources: {limits: {memory: 9Gi}}}}}');
    await rig.settle();
    await rig.settle();
    expect(rig.cluster.job('talk-convert-1')).toBe(before);
    expect(rig.reasons.filter((reason) => reason === 'TemplateChanged')).toHaveLength(1);
  });

  it('says nothing of a Job that would be made the same today', async () => {
    const rig = await converted(aMediaJob().withSpec({ transcribe: { prompt: 'costs $5 $$' } }), 6);
    rig.restart();
    await rig.settle();
    expect(rig.reasons).not.toContain('TemplateChanged');
  });

  it('of the settings leaves the shards of a job as they were', async () => {
    const rig = await started();
    const config = {
      ...(await import('../test/rig.js')).CONFIG,
      plan: { chunkTargetMs: 600_000, chunksPerShard: 100 },
    };
    rig.restart({ config });
    rig.cluster.chunks = 6;
    rig.cluster.succeed('talk-convert-1');
    await rig.settle();
    expect(rig.cluster.job('talk-transcribe-1').spec.completions).toBe(3);
  });
});

describe('a success that is the first thing which is ever written', () => {
  it('is at 100 %, also when the operator dies between the writes', async () => {
    for (const dying of [1, 2, 3, 4]) {
      const rig = new Rig();
      const dies = new KubeApiError('no answer', { status: 0, reason: 'Timeout' });
      const trying = async () => {
        await rig.settle().catch((error: unknown) => {
          if (error !== dies) throw error;
          rig.cluster.jobController.sync();
        });
        rig.restart();
      };
      rig.api.fault = ({ verb }) => (verb === 'apply' ? { error: dies } : undefined);
      rig.cluster.apply();
      for (const job of ['talk-convert-1', 'talk-transcribe-1']) {
        await trying();
        rig.cluster.run(job);
        rig.cluster.succeed(job);
        await trying();
      }
      expect(rig.status.phase).toBe('Pending');
      let applies = 0;
      rig.api.fault = ({ verb }) =>
        verb === 'apply' && ++applies === dying ? { error: dies, after: true } : undefined;
      await trying();
      await rig.settle();
      expect(rig.status).toMatchObject({ phase: 'Succeeded', progress: { percent: 100 } });
      expect(rig.status.stages.map(({ percent }) => percent)).toEqual([100, 100, 100]);
    }
  });
});

describe('what is counted', () => {
  it('is counted once, also when the operator dies before it has let go of what it counted', async () => {
    const registry = new Registry();
    const metrics = new JobMetrics(registry, () => []);
    const rig = new Rig({ metrics });
    rig.cluster.apply(aMediaJob().withSpec({ retries: 3 }));
    await rig.settle();
    // Lost so often that one more loss uses up a retry.
    const tally = JSON.stringify({ ...NO_TALLY, idle: 5 });
    const body = { metadata: { annotations: { [JobAnnotation.tally]: tally } } };
    rig.cluster.server.patch(Jobs, { namespace: NAMESPACE, name: 'talk-convert-1' }, { type: 'merge', body });
    rig.cluster.run('talk-convert-1', undefined, 'n7');
    await rig.settle();
    const pod = rig.cluster.pod('talk-convert-1');
    rig.cluster.server.delete(Pods, pod.metadata as never, { propagationPolicy: 'Background' });
    await rig.settle();

    const dies = new KubeApiError('no answer', { status: 0, reason: 'Timeout' });
    rig.api.fault = ({ verb, resource }) => (verb === 'delete' && resource === 'jobs' ? { error: dies } : undefined);
    await rig.pass(6 * 60);
    await rig.pass(16 * 60);
    await expect(rig.pass(10)).rejects.toThrow('no answer');
    expect(rig.status.attempts).toMatchObject([{ reason: 'WorkerLost', counted: true }]);
    expect(rig.jobNames).toContain('talk-convert-1');

    // Another process sees the lost pod for the first time, and gives it up by its own clock.
    rig.api.fault = () => undefined;
    rig.restart();
    await rig.settle();
    for (let minutes = 0; minutes < 40; minutes += 8) await rig.pass(8 * 60);
    expect(rig.jobNames).not.toContain('talk-convert-1');
    expect(rig.status.attempts).toMatchObject([{ reason: 'WorkerLost', counted: true }]);
    expect(rig.reasons.filter((reason) => reason === 'RunFailed')).toHaveLength(1);
    const failures = await registry.getSingleMetric('mediajob_failures_total')?.get();
    expect(failures?.values).toMatchObject([{ labels: { reason: 'WorkerLost' }, value: 1 }]);
  });

  it('is told of each loss by the pod that was lost', async () => {
    const rig = await started();
    rig.cluster.run('talk-convert-1', undefined, 'n7');
    await rig.settle();
    const pod = rig.cluster.pod('talk-convert-1');
    rig.cluster.server.delete(Pods, pod.metadata as never, { propagationPolicy: 'Background' });
    const { deletionTimestamp } = rig.cluster.pod('talk-convert-1').metadata;
    await rig.settle();
    await rig.pass(60);
    await rig.pass(20 * 60);
    expect(rig.status.attempts).toMatchObject([{ reason: 'WorkerLost', finishedAt: deletionTimestamp }]);
  });
});

describe('dying at any write', () => {
  const lost = (write: number, after: boolean) => {
    const error = new KubeApiError('no answer', { status: 0, reason: 'Timeout' });
    let count = 0;
    return () => (++count === write ? { error, after } : undefined);
  };

  async function story(rig: Rig): Promise<void> {
    const settle = async () => {
      // What a controller does about an error: it tries again, here as another process.
      for (;;) {
        try {
          await rig.settle();
          return;
        } catch (error) {
          if (!(error instanceof KubeApiError)) throw error;
          rig.restart();
        }
      }
    };
    rig.cluster.chunks = 4;
    rig.cluster.apply(aMediaJob().withSpec({ convert: { renditions: [{ format: 'mp3' }] }, retries: 1 }));
    await settle();
    rig.cluster.run('talk-convert-1');
    await settle();
    rig.cluster.fail('talk-convert-1', 143, failure(143, 'Interrupted'));
    await settle();
    rig.cluster.succeed('talk-convert-1-0-2');
    await settle();
    rig.cluster.succeed('talk-render-1');
    for (const shard of [0, 1]) {
      rig.cluster.run('talk-transcribe-1', shard);
      await settle();
      rig.cluster.succeed('talk-transcribe-1', shard);
      await settle();
    }
    rig.cluster.succeed('talk-finalize-1');
    await settle();
    expect(rig.status).toMatchObject({ phase: 'Succeeded', progress: { percent: 100 }, attempt: 1 });
    rig.cluster.annotate({ [Annotation.retry]: 'b' });
    await settle();
    expect(rig.status).toMatchObject({ attempt: 2, progress: { percent: 0 } });
    rig.cluster.delete();
    await settle();
    rig.cluster.endTerminating();
    await settle();
    rig.cluster.succeed(rig.jobNames.find((name) => name.includes('cleanup')) ?? '');
    await settle();
    expect(rig.cluster.mediaJobObject).toBeUndefined();
    rig.cluster.collectGarbage();
    expect(rig.jobNames.filter((name) => !name.includes('cleanup'))).toEqual([]);
  }

  it('ends the same, whether the write was done or not', async () => {
    const plain = new Rig();
    await story(plain);
    const writes = plain.api.writes.length;
    expect(writes).toBeGreaterThan(30);
    const made = plain.api.writes.filter((it) => it.verb === 'create').map((it) => it.name);
    expect(new Set(made).size).toBe(made.length);
    for (let write = 1; write <= writes; write++) {
      for (const after of [false, true]) {
        const rig = new Rig();
        rig.api.fault = lost(write, after);
        await story(rig);
        const names = rig.api.writes.filter((it) => it.verb === 'create').map((it) => it.name);
        expect(names.sort(), `write ${write}, ${after ? 'done' : 'not done'}`).toEqual([...made].sort());
      }
    }
  }, 600_000);
});
