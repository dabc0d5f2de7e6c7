import { Annotation, MediaJobStatus, TERMINAL_PHASES } from '@mediajob/contract';
import { Events, type Job, Jobs, type KubeObject, Leases, type Pod, Pods } from '@mediajob/kube';
import type { MemoryServer, Simulation } from '../../../packages/kube/test/memory-api/index.js';
import { isIndexed, isRecorded, keyOfJob, mediaJobUid } from '../../src/jobs.js';
import { JobAnnotation, Label } from '../../src/labels.js';
import { type MediaJobObject, MediaJobs } from '../../src/media-job-kind.js';
import { type Kubelet, runOf } from './kubelet.js';
import type { Ledger } from './ledger.js';
import { RENEW_DEADLINE_MS, type Replica, type Replicas } from './replicas.js';
import type { Story } from './story.js';

const NEW = MediaJobStatus.parse({});
/** Of sums of fractions, in ms. */
const ROUNDING_MS = 1e-3;

export interface PromisesOptions {
  readonly server: MemoryServer;
  readonly simulation: Simulation;
  readonly ledger: Ledger;
  readonly kubelet: Kubelet;
  readonly story: Story;
}

/** What the operator promises about the cluster, checked at each write of anybody. */
export class Promises {
  /** Those that were broken, as sentences. */
  readonly broken: string[] = [];
  /** Writes that the server did for an operator, by UID of the MediaJob that they are about; Leases and Events left out. */
  readonly writes = new Map<string, number>();
  readonly #options: PromisesOptions;
  readonly #checked = new Map<string, number>();
  /** For whom an object of a name is, from what time on: the same names come again for other MediaJobs. */
  readonly #holders = new Map<string, { readonly from: number; readonly uid: string }[]>();

  constructor(options: PromisesOptions) {
    this.#options = options;
    const { server } = options;
    server.table(MediaJobs).listeners.add(({ type, object, before }) => {
      const job = object as MediaJobObject;
      this.#hold('mediajobs', job.metadata.name, job.metadata.uid);
      if (type === 'DELETED') this.#gone(job);
      else this.#mediaJob(job, before as MediaJobObject | undefined);
    });
    server.table(Jobs).listeners.add(({ type, object, before }) => {
      const job = object as Job;
      this.#hold('jobs', job.metadata.name, job.metadata.labels?.[Label.uid] ?? '');
      this.#tellJob(type, job, before as Job | undefined);
      if (type === 'ADDED') this.#made(job);
      if (type === 'MODIFIED' && isRecorded(job) && !isRecorded(before as Job)) this.#letGo(job);
      if (type !== 'DELETED') this.#atMostOne(job);
    });
    server.table(Pods).listeners.add(({ type, object }) => {
      if (type === 'ADDED') this.#alone(object as Pod);
    });
  }

  /** Of what replicas have sent since the last time. */
  checkCalls(replicas: Replicas): void {
    for (const replica of replicas.running.values()) {
      const { calls } = replica.process.api;
      const from = this.#checked.get(replica.process.name) ?? 0;
      if (from === calls.length) continue;
      this.#checked.set(replica.process.name, calls.length);
      for (let i = from; i < calls.length; i++) this.#sent(replica, calls[i] as (typeof calls)[number]);
    }
  }

  /** Writes of all replicas up to now, the Lease's left out. */
  static writesOf(replicas: Replicas): number {
    return replicas.all.flatMap(({ process }) => process.api.writes).filter((it) => it.resource !== Leases.plural)
      .length;
  }

  countWrites(replicas: Replicas): void {
    for (const { process } of replicas.all) {
      for (const { resource, key, appliedAt = 0 } of process.api.writes) {
        if (resource === Leases.plural || resource === Events.plural) continue;
        const holders = this.#holders.get(`${resource} ${key.slice(key.indexOf('/') + 1)}`);
        const uid = holders?.findLast(({ from }) => from <= appliedAt)?.uid ?? '';
        this.writes.set(uid, (this.writes.get(uid) ?? 0) + 1);
      }
    }
  }

  #hold(resource: string, name: string, uid: string): void {
    const holders = this.#holders.get(`${resource} ${name}`) ?? [];
    if (holders.at(-1)?.uid !== uid) holders.push({ from: this.#options.simulation.now, uid });
    this.#holders.set(`${resource} ${name}`, holders);
  }

  break(what: string): void {
    this.#options.story.tell('PROMISE', what);
    this.broken.push(what);
  }

  #sent(
    { process, lease, rate }: Replica,
    call: { isWrite: boolean; resource: string; key: string; sentAt: number; verb: string },
  ): void {
    if (!call.isWrite || call.resource === Leases.plural) return;
    const age = (call.sentAt - lease.renewedAt) * rate;
    if (age < RENEW_DEADLINE_MS + ROUNDING_MS) return;
    this.break(
      `${process.name} sends ${call.verb} ${call.resource} ${call.key} ${Math.round(age)} ms after it last renewed its Lease`,
    );
  }

  #mediaJob({ metadata, status: raw }: MediaJobObject, earlier: MediaJobObject | undefined): void {
    const { story } = this.#options;
    const { name, generation = 0 } = metadata;
    const parsed = MediaJobStatus.safeParse(raw ?? {});
    if (!parsed.success) {
      this.break(`the status of ${name} is not of the contract: ${parsed.error.message}`);
      return;
    }
    const after = parsed.data;
    if (after.observedGeneration > generation) {
      this.break(`${name} has observedGeneration ${after.observedGeneration} at generation ${generation}`);
    }
    if (earlier === undefined) return;
    // It was written, so it was looked at before.
    const before = { ...NEW, ...(earlier.status as Partial<MediaJobStatus> | undefined) };
    if (before.phase !== after.phase || before.attempt !== after.attempt) {
      story.tell(name, `${before.phase} → ${after.phase}, attempt ${after.attempt}: ${after.message}`);
    }
    if (after.observedGeneration < before.observedGeneration) {
      this.break(
        `${name} goes back from observedGeneration ${before.observedGeneration} to ${after.observedGeneration}`,
      );
    }
    if (after.attempt < before.attempt)
      this.break(`${name} goes back from attempt ${before.attempt} to ${after.attempt}`);
    const token = metadata.annotations?.[Annotation.retry];
    const retried = token !== undefined && token !== before.retryToken;
    const ended = TERMINAL_PHASES.includes(before.phase);
    if (ended && after.phase !== before.phase && !(retried && after.attempt > before.attempt)) {
      this.break(`${name} goes from ${before.phase} to ${after.phase} without a retry`);
    }
    // The first of the two writes that begin an attempt takes the old one's progress away.
    if (after.attempt !== before.attempt || (ended && retried)) return;
    if (after.progress.percent < before.progress.percent) {
      this.break(`${name} goes back from ${before.progress.percent} % to ${after.progress.percent} %`);
    }
    for (const stage of before.stages) {
      const now = after.stages.find((it) => it.name === stage.name);
      if ((now?.percent ?? 0) < (stage.percent ?? 0)) {
        this.break(`the stage ${stage.name} of ${name} goes back from ${stage.percent} % to ${now?.percent} %`);
      }
    }
    if (after.phase === 'Succeeded' && after.progress.percent !== 100) {
      this.break(`${name} has succeeded at ${after.progress.percent} %`);
    }
  }

  /** Its files went before it, unless it never had any, or somebody wants to keep them. */
  #gone({ metadata }: MediaJobObject): void {
    const { ledger, story } = this.#options;
    const { name, uid, annotations } = metadata;
    story.tell(name, 'is gone');
    if (!ledger.jobs.has(uid) || annotations?.[Annotation.keepFiles] === 'true') return;
    if (!ledger.hasCleanedUp(uid)) this.break(`${name} is gone, and its files are not`);
  }

  #made(job: Job): void {
    const { server, ledger } = this.#options;
    const { name, labels = {}, ownerReferences = [] } = job.metadata;
    const key = keyOfJob(job);
    const uid = mediaJobUid(job);
    if (key === undefined || uid === undefined) {
      this.break(`the Job ${name} says of which run it is, or for whom, in no way that we read`);
      return;
    }
    ledger.add(ledger.jobs, uid);
    if (labels[Label.uid] !== uid) this.break(`the Job ${name} has another UID in its label than its owner's`);
    if (!ledger.natures.has(uid)) this.break(`the Job ${name} is for ${uid}, which never was a MediaJob`);
    const cleanup = key.stage === 'cleanup';
    const controllers = ownerReferences.filter((it) => it.controller === true && it.kind === MediaJobs.kind);
    if (cleanup !== (ownerReferences.length === 0) || controllers.length !== (cleanup ? 0 : 1)) {
      this.break(`the Job ${name} has not just its MediaJob for an owner: ${JSON.stringify(ownerReferences)}`);
    }
    if (ledger.late) {
      // Nobody could keep it from coming; what follows from it is what the other promises are about.
      ledger.lateJobs.add(job.metadata.uid);
      ledger.meddled.add(uid);
      return;
    }
    const owner = server.all(MediaJobs).find((it) => it.metadata.uid === uid);
    if (cleanup && owner?.metadata.deletionTimestamp === undefined) {
      this.break(`the Job ${name} removes the files of a MediaJob that nobody has deleted`);
    }
    const status = { ...NEW, ...(owner?.status as Partial<MediaJobStatus> | undefined) };
    if (!cleanup && TERMINAL_PHASES.includes(status.phase) && status.attempt >= key.attempt) {
      this.break(`the Job ${name} is made although its MediaJob has ended (${status.phase})`);
    }
    if (job.spec.backoffLimit !== 0 && job.spec.backoffLimitPerIndex !== 0) {
      this.break(`the Job ${name} would try again by itself`);
    }
    this.#afterItsPredecessor(job, uid, key.stage, key.attempt);
  }

  /** Nothing else tells how it ended: that is in the status by then, or of no importance any more. */
  #letGo(job: Job): void {
    const { server, ledger } = this.#options;
    const key = keyOfJob(job);
    const uid = mediaJobUid(job);
    const owner = server.all(MediaJobs).find((it) => it.metadata.uid === uid);
    if (key === undefined || owner === undefined || owner.metadata.deletionTimestamp !== undefined) return;
    // The one that came after it may have been deleted by hand.
    if (ledger.late || ledger.meddled.has(owner.metadata.uid)) return;
    const status = { ...NEW, ...(owner.status as Partial<MediaJobStatus> | undefined) };
    if (TERMINAL_PHASES.includes(status.phase) || status.attempt > key.attempt) return;
    const succeeded = server.all(Jobs).some((other) => {
      const its = keyOfJob(other);
      if (its === undefined || mediaJobUid(other) !== uid || its.stage !== key.stage) return false;
      return its.attempt > key.attempt || (its.attempt === key.attempt && its.try > key.try);
    });
    if (!succeeded) this.break(`the Job ${job.metadata.name} is let go before the status tells how it ended`);
  }

  #afterItsPredecessor(job: Job, uid: string, stage: string, attempt: number): void {
    const { ledger } = this.#options;
    const { chunks = 1 } = ledger.natures.get(uid) ?? {};
    const done = (of: 'convert' | 'transcribe', shard = 0) => ledger.isDone({ uid, stage: of, shard, attempt });
    const { name } = job.metadata;
    if (stage !== 'convert' && stage !== 'cleanup' && !done('convert')) {
      this.break(`the Job ${name} is made before the conversion is done`);
    }
    if (stage !== 'finalize') return;
    for (let shard = 0; shard < Math.ceil(chunks / 2); shard++) {
      if (!done('transcribe', shard)) this.break(`the Job ${name} is made before shard ${shard} is transcribed`);
    }
  }

  /** Jobs of one stage and shard that go on: one at most, whatever the attempt. */
  #atMostOne(changed: Job): void {
    const uid = changed.metadata.labels?.[Label.uid];
    const seen = new Map<string, string>();
    for (const job of this.#options.server.all(Jobs)) {
      if (job.metadata.labels?.[Label.uid] !== uid || !this.#goesOn(job)) continue;
      for (const part of partsOf(job)) {
        const other = seen.get(part);
        if (other !== undefined) this.break(`the Jobs ${other} and ${job.metadata.name} both go on with ${part}`);
        seen.set(part, job.metadata.name);
      }
    }
  }

  #goesOn(job: Job): boolean {
    const { annotations, deletionTimestamp } = job.metadata;
    const finished = job.status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') === true;
    if (finished || deletionTimestamp !== undefined || annotations?.[JobAnnotation.stop] !== undefined) return false;
    return !this.#options.ledger.lateJobs.has(job.metadata.uid) && !this.#isGivenUp(job.metadata.uid);
  }

  /** A pod that should be gone sits on a node that does not answer. */
  #isGivenUp(jobUid: string): boolean {
    const { kubelet, server } = this.#options;
    return server
      .all(Pods)
      .some(
        ({ metadata, spec }) =>
          metadata.deletionTimestamp !== undefined &&
          kubelet.lost.has(spec.nodeName ?? '') &&
          metadata.ownerReferences?.[0]?.uid === jobUid,
      );
  }

  /** No two pods are ever at the same files, unless somebody deleted a Job by hand or a node was given up. */
  #alone(pod: Pod): void {
    const { kubelet, ledger } = this.#options;
    const run = runOf(pod);
    ledger.add(ledger.pods, run.uid);
    if (ledger.meddled.has(run.uid)) return;
    for (const other of kubelet.unended) {
      if (other.metadata.uid === pod.metadata.uid || kubelet.lost.has(other.spec.nodeName ?? '')) continue;
      const its = runOf(other);
      if (its.uid !== run.uid) continue;
      const same = its.stage === run.stage && its.shard === run.shard;
      if (same || run.stage === 'cleanup') {
        this.break(`the pod ${pod.metadata.name} is made while ${other.metadata.name} may write the same files`);
      }
    }
  }

  #tellJob(type: string, job: Job, before: Job | undefined): void {
    const ends = (it: KubeObject | undefined) =>
      ((it as Job | undefined)?.status?.conditions ?? []).map((c) => c.type).join();
    if (type !== 'MODIFIED') this.#options.story.tell(job.metadata.name, type === 'ADDED' ? 'is made' : 'is gone');
    else if (ends(job) !== ends(before)) this.#options.story.tell(job.metadata.name, ends(job) || 'goes on');
  }
}

/** `stage/shard` of all that a Job has still to do. */
function partsOf(job: Job): string[] {
  const { labels = {} } = job.metadata;
  const stage = labels[Label.stage];
  if (!isIndexed(job)) return [`${stage}/${labels[Label.shard]}`];
  const over = new Set(`${job.status?.completedIndexes ?? ''},${job.status?.failedIndexes ?? ''}`.split(','));
  const all = Array.from({ length: job.spec.completions ?? 0 }, (_, index) => String(index));
  return all.filter((index) => !over.has(index)).map((index) => `${stage}/${index}`);
}
