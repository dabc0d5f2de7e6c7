import {
  API_VERSION,
  type FailureReason,
  KIND,
  MediaJobSpec,
  type MediaJobSpecInput,
  type MediaJobStatus,
  type RunKey,
  type StepOutcome,
  type StepResult,
} from '@mediajob/contract';
import type { CoreEvent, Job, JobCondition, Pod, PodCondition, Workload } from '@mediajob/kube';
import { jobName } from '../src/job-name.js';
import { COMPLETION_INDEX, JobAnnotation, Label, MEDIAJOB_FINALIZER, runLabels } from '../src/labels.js';
import type { MediaJobObject } from '../src/media-job-kind.js';

export const NAMESPACE = 'media-team';
export const UID = '11111111-2222-4333-8444-555555555555';
export const START = Date.parse('2026-01-01T00:00:00Z');
/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export const at = (seconds: number) => `${new Date(START + seconds * 1000).toISOString().slice(0, 19)}Z`;

let versions = 1000;
const version = () => String(versions++);

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A MediaJob as the API server has it: `aMediaJob().withSpec({suspend: true}).build()`. */
export class MediaJobObjectBuilder {
  #spec: MediaJobSpecInput = { source: { path: 'uploads/01J00000000000000000000000/source' }, transcribe: {} };
  #status: Partial<MediaJobStatus> | undefined;
  #metadata: Mutable<MediaJobObject['metadata']> = {
    name: 'talk',
    namespace: NAMESPACE,
    uid: UID,
    resourceVersion: version(),
    creationTimestamp: at(0),
    generation: 1,
  };

  withSpec(spec: Partial<MediaJobSpecInput>): this {
    this.#spec = { ...this.#spec, ...spec };
    return this;
  }
  withStatus(status: Partial<MediaJobStatus>): this {
    this.#status = { ...this.#status, ...status };
    return this;
  }
  with(metadata: Partial<MediaJobObject['metadata']>): this {
    this.#metadata = { ...this.#metadata, ...metadata };
    return this;
  }
  withAnnotation(key: string, value: string): this {
    return this.with({ annotations: { ...this.#metadata.annotations, [key]: value } });
  }
  takenUp(): this {
    return this.with({ finalizers: [MEDIAJOB_FINALIZER] });
  }
  deleted(): this {
    return this.takenUp().with({ deletionTimestamp: at(5) });
  }
  build(): MediaJobObject {
    return {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: this.#metadata,
      spec: MediaJobSpec.parse(this.#spec),
      ...(this.#status !== undefined && { status: this.#status }),
    };
  }
}

export const aMediaJob = () => new MediaJobObjectBuilder();

const MEDIA_JOB = { name: 'talk', uid: UID };

/** A Job of a first try: `aJob('convert').complete()`. */
export class JobBuilder {
  #key: RunKey;
  #job: Job;

  constructor(stage: RunKey['stage']) {
    this.#key = { stage, shard: 0, attempt: 1, try: 1 };
    this.#job = this.#make();
  }

  #make(): Job {
    const name = jobName(MEDIA_JOB, this.#key);
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        namespace: NAMESPACE,
        uid: `job-${name}`,
        resourceVersion: version(),
        creationTimestamp: at(1),
        labels: runLabels(MEDIA_JOB, this.#key),
        ...(this.#key.stage !== 'cleanup' && {
          ownerReferences: [{ apiVersion: API_VERSION, kind: KIND, ...MEDIA_JOB, controller: true }],
        }),
      },
      spec: { parallelism: 1, completions: 1, template: { spec: { containers: [{ name: 'run' }] } } },
    };
  }

  for(key: Partial<RunKey>): this {
    this.#key = { ...this.#key, ...key };
    this.#job = this.#make();
    return this;
  }
  indexed(shards: number, parallelism = shards): this {
    const { [Label.shard]: _shard, ...labels } = this.#job.metadata.labels ?? {};
    this.#job = {
      ...this.#job,
      metadata: { ...this.#job.metadata, labels },
      spec: { ...this.#job.spec, completionMode: 'Indexed', completions: shards, parallelism },
    };
    return this;
  }
  annotated(annotations: Record<string, string>): this {
    return this.with({ annotations: { ...this.#job.metadata.annotations, ...annotations } });
  }
  labelled(labels: Record<string, string>): this {
    return this.with({ labels: { ...this.#job.metadata.labels, ...labels } });
  }
  with(metadata: Partial<Job['metadata']>): this {
    this.#job = { ...this.#job, metadata: { ...this.#job.metadata, ...metadata } };
    return this;
  }
  withSpec(spec: Partial<Job['spec']>): this {
    this.#job = { ...this.#job, spec: { ...this.#job.spec, ...spec } };
    return this;
  }
  withStatus(status: NonNullable<Job['status']>): this {
    this.#job = { ...this.#job, status: { startTime: at(1), ...this.#job.status, ...status } };
    return this;
  }
  withCondition(condition: JobCondition): this {
    return this.withStatus({ conditions: [...(this.#job.status?.conditions ?? []), condition] });
  }
  complete(): this {
    return this.withStatus({ completionTime: at(20), succeeded: 1 }).withCondition({
      type: 'Complete',
      status: 'True',
      lastTransitionTime: at(20),
    });
  }
  failed(reason = 'BackoffLimitExceeded'): this {
    return this.withCondition({ type: 'Failed', status: 'True', reason, lastTransitionTime: at(20) });
  }
  stopAsked(why = 'suspended'): this {
    return this.annotated({ [JobAnnotation.stop]: why }).withSpec({ suspend: true });
  }
  suspended(): this {
    return this.withSpec({ suspend: true }).withCondition({
      type: 'Suspended',
      status: 'True',
      lastTransitionTime: at(15),
    });
  }
  recorded(): this {
    return this.annotated({ [JobAnnotation.recorded]: 'true' });
  }
  build(): Job {
    return this.#job;
  }
}

export const aJob = (stage: RunKey['stage']) => new JobBuilder(stage);

/** A pod of a Job: `aPod(job).running()`. */
export class PodBuilder {
  #pod: Pod;

  constructor(job: Job, index?: number) {
    const name = `${job.metadata.name}-${index ?? ''}abcde`;
    this.#pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: NAMESPACE,
        uid: `pod-${name}`,
        resourceVersion: version(),
        creationTimestamp: at(2),
        labels: job.metadata.labels ?? {},
        ...(index !== undefined && { annotations: { [COMPLETION_INDEX]: String(index) } }),
        ownerReferences: [
          { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata.name, uid: job.metadata.uid, controller: true },
        ],
      },
      spec: { containers: [{ name: 'run', image: 'transcriber:1' }] },
      status: { phase: 'Pending' },
    };
  }

  with(metadata: Partial<Pod['metadata']>): this {
    this.#pod = { ...this.#pod, metadata: { ...this.#pod.metadata, ...metadata } };
    return this;
  }
  withStatus(status: NonNullable<Pod['status']>): this {
    this.#pod = { ...this.#pod, status: { ...this.#pod.status, ...status } };
    return this;
  }
  withCondition(condition: PodCondition): this {
    return this.withStatus({ conditions: [...(this.#pod.status?.conditions ?? []), condition] });
  }
  onNode(nodeName: string): this {
    this.#pod = { ...this.#pod, spec: { ...this.#pod.spec, nodeName } };
    return this;
  }
  running(node = 'n1'): this {
    return this.onNode(node).withStatus({
      phase: 'Running',
      startTime: at(3),
      containerStatuses: [container('run', { running: { startedAt: at(4) } })],
    });
  }
  waiting(reason: string, message?: string): this {
    return this.withStatus({
      containerStatuses: [container('run', { waiting: { reason, ...(message !== undefined && { message }) } })],
    });
  }
  /** Ended with an exit code, and with what the step said in its termination message. */
  ended(exitCode: number, said?: StepOutcome | string, reason?: string): this {
    const message = said === undefined || typeof said === 'string' ? said : JSON.stringify(said);
    return this.onNode(this.#pod.spec.nodeName ?? 'n1').withStatus({
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      startTime: at(3),
      containerStatuses: [
        container('run', {
          terminated: {
            exitCode,
            startedAt: at(4),
            finishedAt: at(19),
            reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
            ...(message !== undefined && { message }),
          },
        }),
      ],
    });
  }
  succeeded(result: StepResult): this {
    return this.ended(0, { result });
  }
  failedWith(exitCode: number, reason: FailureReason, message: string): this {
    return this.ended(exitCode, { failure: { exitCode, reason, message } });
  }
  prepareFailed(exitCode: number, said: StepOutcome): this {
    return this.onNode('n1').withStatus({
      phase: 'Failed',
      initContainerStatuses: [
        container('prepare', {
          terminated: { exitCode, finishedAt: at(19), reason: 'Error', message: JSON.stringify(said) },
        }),
      ],
      containerStatuses: [container('run', { waiting: { reason: 'PodInitializing' } })],
    });
  }
  disrupted(reason = 'PreemptionByScheduler'): this {
    return this.withCondition({ type: 'DisruptionTarget', status: 'True', reason });
  }
  terminating(seconds: number): this {
    return this.with({ deletionTimestamp: at(seconds) });
  }
  build(): Pod {
    return this.#pod;
  }
}

export const aPod = (job: Job | JobBuilder, index?: number) =>
  new PodBuilder(job instanceof JobBuilder ? job.build() : job, index);

function container(name: string, state: NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]['state']) {
  return { name, ready: false, restartCount: 0, image: 'transcriber:1', imageID: '', ...(state && { state }) };
}

export function anEvent(
  about: { metadata: Job['metadata']; kind: string },
  reason: string,
  message: string,
): CoreEvent {
  const { name, uid, namespace = NAMESPACE } = about.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name}.${reason}`,
      namespace,
      uid: `event-${name}-${reason}`,
      resourceVersion: version(),
      creationTimestamp: at(2),
    },
    involvedObject: { kind: about.kind, name, uid, namespace },
    reason,
    message,
    type: 'Warning',
    lastTimestamp: at(3),
  };
}

export function aWorkload(
  job: Job,
  conditions: readonly { type: string; status: 'True' | 'False'; message: string }[] = [],
  active?: boolean,
): Workload {
  return {
    apiVersion: 'kueue.x-k8s.io/v1beta1',
    kind: 'Workload',
    metadata: {
      name: `job-${job.metadata.name}`,
      namespace: NAMESPACE,
      uid: `workload-${job.metadata.name}`,
      resourceVersion: version(),
      creationTimestamp: at(1),
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: job.metadata.name, uid: job.metadata.uid, controller: true },
      ],
    },
    spec: { queueName: 'gpus', ...(active !== undefined && { active }) },
    status: { conditions: conditions.map((it) => ({ ...it, reason: 'Pending', lastTransitionTime: at(2) })) },
  };
}

const manifest = { path: `jobs/${UID}/work/x.manifest.json`, sha256: 'a'.repeat(64) };

export const RESULTS = {
  convert: (chunks = 1): StepResult => ({
    stage: 'convert',
    media: {
      durationMs: chunks * 300_000,
      container: 'wav',
      audioCodec: 'pcm_s16le',
      sampleRate: 16_000,
      channels: 1,
      audioTracks: 1,
      video: false,
      bytes: 1000,
    },
    chunks,
    speechMs: chunks * 200_000,
    manifest,
  }),
  finalize: (): Extract<StepResult, { stage: 'finalize' }> => ({
    stage: 'finalize',
    language: 'en',
    segments: 3,
    words: 30,
    doubtful: 0,
    outputs: [{ name: 'transcript.json', format: 'json', bytes: 10 }],
    manifest,
  }),
  transcribe: (shard = 0, alone = true): StepResult => ({
    stage: 'transcribe',
    shard,
    chunks: 1,
    reused: 0,
    audioMs: 300_000,
    language: 'en',
    languageProbability: 0.9,
    realtimeFactor: 10,
    ...(alone && { finalize: RESULTS.finalize() }),
    manifest,
  }),
  render: (): StepResult => ({
    stage: 'render',
    outputs: [{ name: 'media.mp3', format: 'mp3', bytes: 5 }],
    manifest,
  }),
  cleanup: (): StepResult => ({ stage: 'cleanup', removed: 2 }),
};
