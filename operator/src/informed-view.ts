import { type JobId, type Phase, phaseOf } from '@mediajob/contract';
import {
  type AccessListener,
  type CoreEvent,
  CoreEvents,
  controllerOf,
  type Informer,
  type Informers,
  type Job,
  Jobs,
  keyOf,
  type Mapper,
  mapByLabel,
  type Pod,
  Pods,
  refKey,
  type Watch,
  type Workload,
  Workloads,
  watches,
} from '@mediajob/kube';
import type { ClusterView } from './cluster-view.js';
import { mediaJobUid } from './jobs.js';
import { Label, RUN_SELECTOR } from './labels.js';
import { type MediaJobObject, MediaJobs } from './media-job-kind.js';
import { slimPod } from './pods.js';
import { slimEvent, slimJob, slimMediaJob } from './slim-objects.js';

/** Events that tell why there is no pod, or why it does not start; of all others the server sends us nothing. */
const TELLING_EVENTS = [
  'involvedObject.kind=Job,reason=FailedCreate',
  'involvedObject.kind=Pod,reason=FailedMount',
  'involvedObject.kind=Pod,reason=FailedAttachVolume',
];

const BY_UID = 'uid';

/** What the operator knows of the cluster: MediaJobs, the Jobs and pods of their runs, and what is told of those. */
export class InformedView implements ClusterView {
  readonly mediaJobs: Informer<MediaJobObject>;
  readonly jobs: Informer<Job>;
  readonly pods: Informer<Pod>;
  readonly #informers: Informers;
  readonly #events: readonly Informer<CoreEvent>[];
  #workloads: Informer<Workload> | undefined;

  constructor(informers: Informers) {
    this.#informers = informers;
    this.mediaJobs = informers.of(MediaJobs, {
      transform: slimMediaJob,
      indexes: { [BY_UID]: ({ metadata }) => [metadata.uid] },
    });
    this.jobs = informers.of(Jobs, {
      labelSelector: RUN_SELECTOR,
      transform: slimJob,
      indexes: { [BY_UID]: (job) => [mediaJobUid(job) ?? ''] },
    });
    this.pods = informers.of(Pods, {
      labelSelector: RUN_SELECTOR,
      transform: slimPod,
      indexes: { [BY_UID]: ({ metadata }) => [metadata.labels?.[Label.uid] ?? ''] },
    });
    this.#events = TELLING_EVENTS.map((fieldSelector) =>
      informers.of(CoreEvents, {
        fieldSelector,
        transform: slimEvent,
        indexes: { [BY_UID]: ({ involvedObject }) => [involvedObject.uid ?? ''] },
      }),
    );
  }

  /** Kueue's Workloads as well: the cluster has them, and we may read them. */
  readWorkloads(): void {
    this.#workloads = this.#informers.of(Workloads, {
      indexes: { [BY_UID]: (workload) => [controllerOf(workload)?.uid ?? ''] },
    });
  }

  knows(namespace: string): boolean {
    return this.#informers.knows(namespace);
  }
  mediaJob(key: string): MediaJobObject | undefined {
    return this.mediaJobs.store.get(key);
  }
  jobsOf(uid: JobId): readonly Job[] {
    return this.jobs.store.byIndex(BY_UID, uid);
  }
  podsOf(uid: JobId): readonly Pod[] {
    return this.pods.store.byIndex(BY_UID, uid);
  }
  eventsAbout(uid: string): readonly CoreEvent[] {
    return this.#events.flatMap((informer) => informer.store.byIndex(BY_UID, uid));
  }
  workloadOf(jobUid: string): Workload | undefined {
    return this.#workloads?.store.byIndex(BY_UID, jobUid)[0];
  }
  putMediaJob(object: MediaJobObject): void {
    this.mediaJobs.put(object);
  }
  putJob(job: Job): void {
    this.jobs.put(job);
  }
  putPod(pod: Pod): void {
    this.pods.put(pod);
  }

  /** Key of a MediaJob by its UID; undefined when there is none. */
  keyOf(uid: JobId): string | undefined {
    const [found] = this.mediaJobs.store.byIndex(BY_UID, uid);
    return found === undefined ? undefined : keyOf(found);
  }

  /**
   * Tells when reading anything of a namespace is refused, and when it is allowed again; undefined stands for all.
   *
   * @returns ends it
   */
  onAccess(listener: AccessListener): () => void {
    return this.#informers.onAccess(listener);
  }

  /** Of all MediaJobs there are, with their keys; nothing else of them is read, since there may be thousands. */
  *phases(): Generator<{ readonly key: string; readonly phase: Phase }> {
    for (const object of this.mediaJobs.store.list()) yield { key: keyOf(object), phase: phaseOf(object) };
  }

  /** Whose MediaJob is to be looked at when any of this changes. */
  get watches(): readonly Watch[] {
    const owner = mapByLabel(Label.name);
    const ownerOfJob = (namespace: string | undefined, name: string | undefined): readonly string[] => {
      const job = this.jobs.store.get(refKey({ ...(namespace !== undefined && { namespace }), name: name ?? '' }));
      return job === undefined ? [] : owner(job);
    };
    const ownerOfEvent: Mapper<CoreEvent> = ({ involvedObject: { kind, namespace, name } }) => {
      if (kind === 'Job') return ownerOfJob(namespace, name);
      const pod = this.pods.store.get(refKey({ ...(namespace !== undefined && { namespace }), name: name ?? '' }));
      return pod === undefined ? [] : owner(pod);
    };
    const ownerOfWorkload: Mapper<Workload> = (workload) =>
      ownerOfJob(workload.metadata.namespace, controllerOf(workload)?.name);
    return [
      watches(this.jobs, owner),
      watches(this.pods, owner),
      ...this.#events.map((informer) => watches(informer, ownerOfEvent)),
      ...(this.#workloads === undefined ? [] : [watches(this.#workloads, ownerOfWorkload)]),
    ];
  }
}
