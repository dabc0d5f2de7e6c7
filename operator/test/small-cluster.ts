import { type StepOutcome, StepRequest, type StepResult } from '@mediajob/contract';
import {
  type CoreEvent,
  CoreEvents,
  type Job,
  Jobs,
  Namespaces,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  type Workload,
  Workloads,
} from '@mediajob/kube';
import { collectGarbage, MemoryServer, registerBuiltInKinds } from '../../packages/kube/test/memory-api/index.js';
import type { ClusterView } from '../src/cluster-view.js';
import { mediaJobUid } from '../src/jobs.js';
import { COMPLETION_INDEX, Label } from '../src/labels.js';
import { type MediaJobObject, MediaJobs } from '../src/media-job-kind.js';
import { MAIN_CONTAINER } from '../src/pod-template.js';
import { aMediaJob, NAMESPACE, RESULTS, START } from './builders.js';
import { JobController } from './job-controller.js';

/** A namespace with a Job controller and a kubelet, without time of its own: pods do what a test tells them. */
export class SmallCluster implements ClusterView {
  now = START;
  readonly server: MemoryServer;
  readonly jobController: JobController;
  /** Chunks that conversion finds in every source. */
  chunks = 1;
  /** False: the operator may not read all that there is. */
  readable = true;

  constructor() {
    let last = 0;
    const random = () => {
      last = (last * 16_807 + 7) % 2_147_483_647;
      return last / 2_147_483_647;
    };
    this.server = registerBuiltInKinds(new MemoryServer({ clock: { now: () => this.now }, random }));
    this.server
      .register(MediaJobs, { status: true, listKeys: { 'status.stages': ['name'], 'status.conditions': ['type'] } })
      .register(Workloads, { status: true })
      .register(CoreEvents, {});
    this.jobController = new JobController(this.server, () => this.now);
    this.server.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    for (const name of ['media', 'models']) {
      this.server.create(PersistentVolumeClaims, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, namespace: NAMESPACE },
      });
    }
  }

  // ClusterView, always up to date

  knows(): boolean {
    return this.readable;
  }
  mediaJob(key: string): MediaJobObject | undefined {
    const [namespace = '', name = ''] = key.split('/');
    return this.server.find(MediaJobs, { namespace, name });
  }
  jobsOf(uid: string): readonly Job[] {
    return this.server.all(Jobs).filter((job) => mediaJobUid(job) === uid);
  }
  podsOf(uid: string): readonly Pod[] {
    return this.server.all(Pods).filter((pod) => pod.metadata.labels?.[Label.uid] === uid);
  }
  eventsAbout(uid: string): readonly CoreEvent[] {
    return this.server.all(CoreEvents).filter((event) => event.involvedObject.uid === uid);
  }
  workloadOf(jobUid: string): Workload | undefined {
    return this.server.all(Workloads).find((it) => it.metadata.ownerReferences?.some(({ uid }) => uid === jobUid));
  }
  putMediaJob(): void {}
  putJob(): void {}
  putPod(): void {}

  // The world around

  apply(builder = aMediaJob()): MediaJobObject {
    const { metadata, spec, apiVersion, kind } = builder.build();
    const { name, namespace = NAMESPACE, labels, annotations } = metadata;
    return this.server.create(MediaJobs, {
      apiVersion,
      kind,
      metadata: { name, namespace, ...(labels && { labels }), ...(annotations && { annotations }) },
      spec,
    });
  }

  /** As a person does by `kubectl edit`. */
  edit(change: (object: MediaJobObject) => MediaJobObject, name = 'talk'): void {
    this.server.update(MediaJobs, { namespace: NAMESPACE, name }, change);
  }
  patchSpec(spec: object): void {
    this.edit((it) => ({ ...it, spec: { ...(it.spec as object), ...spec } }));
  }
  annotate(annotations: Record<string, string>): void {
    this.edit((it) => ({
      ...it,
      metadata: { ...it.metadata, annotations: { ...it.metadata.annotations, ...annotations } },
    }));
  }
  delete(name = 'talk'): void {
    this.server.delete(MediaJobs, { namespace: NAMESPACE, name }, { propagationPolicy: 'Background' });
  }

  get mediaJobObject(): MediaJobObject | undefined {
    return this.mediaJob(`${NAMESPACE}/talk`);
  }
  get jobs(): Job[] {
    return this.server.all(Jobs);
  }
  job(name: string): Job {
    return this.server.get(Jobs, { namespace: NAMESPACE, name });
  }
  /** The pod of a Job that has not ended; of an Indexed Job, that of a shard. */
  pod(jobName: string, index?: number): Pod {
    const pods = this.jobController.podsOf(this.job(jobName)).filter((pod) => !isOver(pod));
    const pod = pods.find((it) => index === undefined || it.metadata.annotations?.[COMPLETION_INDEX] === String(index));
    if (pod === undefined) throw new Error(`no pod of ${jobName} is under way`);
    return pod;
  }

  run(jobName: string, index?: number, node = 'n1'): void {
    const pod = this.pod(jobName, index);
    this.server.update(Pods, refTo(pod), (it) => ({ ...it, spec: { ...it.spec, nodeName: node } }));
    this.status(pod, {
      phase: 'Running',
      startTime: this.time(),
      containerStatuses: [status({ running: { startedAt: this.time() } })],
    });
  }

  /** Ends the pod of a Job as the step would; with the result that it would have, when left out. */
  succeed(jobName: string, index?: number, result?: StepResult): void {
    const pod = this.pod(jobName, index);
    this.#end(pod, 0, { result: result ?? this.#resultOf(pod) });
  }
  fail(jobName: string, exitCode: number, said?: StepOutcome, options: { index?: number; reason?: string } = {}): void {
    this.#end(this.pod(jobName, options.index), exitCode, said, options.reason);
  }
  #end(pod: Pod, exitCode: number, said?: StepOutcome, reason = 'Error'): void {
    this.status(pod, {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      containerStatuses: [
        status({
          terminated: {
            exitCode,
            reason: exitCode === 0 ? 'Completed' : reason,
            startedAt: this.time(),
            finishedAt: this.time(),
            ...(said !== undefined && { message: JSON.stringify(said) }),
          },
        }),
      ],
    });
  }
  status(pod: Pod, change: Pod['status']): void {
    this.server.update(Pods, refTo(pod), (it) => ({ ...it, status: { ...it.status, ...change } }), {
      subresource: 'status',
    });
  }
  /** What a kubelet does about pods that are to go. */
  endTerminating(): void {
    for (const pod of this.server.all(Pods)) {
      if (pod.metadata.deletionTimestamp === undefined) continue;
      this.server.delete(Pods, refTo(pod), { propagationPolicy: 'Background', gracePeriodSeconds: 0 });
    }
  }
  collectGarbage(): void {
    while (collectGarbage(this.server)) this.endTerminating();
  }

  time(): string {
    return `${new Date(this.now).toISOString().slice(0, 19)}Z`;
  }

  #resultOf(pod: Pod): StepResult {
    const request = requestOf(pod);
    switch (request.stage) {
      case 'convert':
        return RESULTS.convert(this.chunks);
      case 'transcribe':
        return RESULTS.transcribe(
          Number(pod.metadata.annotations?.[COMPLETION_INDEX] ?? request.shard),
          request.finalize !== undefined,
        );
      case 'finalize':
        return RESULTS.finalize();
      case 'render':
        return RESULTS.render();
      case 'cleanup':
        return RESULTS.cleanup();
    }
  }
}

/** What a pod was asked to do. */
export function requestOf(pod: Pod): StepRequest {
  const main = pod.spec.containers.find(({ name }) => name === MAIN_CONTAINER);
  const text = main?.env?.find(({ name }) => name === 'MEDIAJOB_REQUEST')?.value ?? '';
  return StepRequest.parse(JSON.parse(text.replaceAll('$$', '$')));
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function refTo({ metadata }: Pod): { name: string; namespace: string } {
  return { name: metadata.name, namespace: metadata.namespace ?? '' };
}

function status(state: NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]['state']) {
  return { name: MAIN_CONTAINER, ready: false, restartCount: 0, image: '', imageID: '', ...(state && { state }) };
}
