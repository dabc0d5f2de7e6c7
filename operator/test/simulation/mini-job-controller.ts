import { isDeepStrictEqual } from 'node:util';
import { type Job, type JobCondition, Jobs, type Pod, Pods } from '@mediajob/kube';
import type { MemoryServer, Simulation } from '../../../packages/kube/test/memory-api/index.js';
import { COMPLETION_INDEX } from '../../src/labels.js';

/** Keeps a pod until the Job controller has counted how it ended. */
const TRACKING = 'batch.kubernetes.io/job-tracking';
const OWNER = 'job-controller';

/**
 * Kubernetes' Job controller and the one that deletes finished Jobs, as steps of a simulation: each Job is looked at some
 * time after it or a pod of it changed. Pods are counted by their tracking finalizer; those that a suspension takes away
 * are not, and neither are those that match `Ignore DisruptionTarget`.
 */
export class MiniJobController {
  /** Why no pod may be made now. */
  refuse: () => string | undefined = () => undefined;
  readonly #server: MemoryServer;
  readonly #simulation: Simulation;
  readonly #due = new Set<string>();
  readonly #refused: (job: Job, why: string) => void;

  constructor(server: MemoryServer, simulation: Simulation, refused: (job: Job, why: string) => void) {
    this.#server = server;
    this.#simulation = simulation;
    this.#refused = refused;
    server.table(Jobs).listeners.add(({ type, object }) => {
      this.#later(object.metadata.name);
      if (type !== 'DELETED') this.#wakeForTimes(object as Job);
    });
    server.table(Pods).listeners.add(({ object }) => {
      const owner = object.metadata.ownerReferences?.[0];
      if (owner !== undefined) this.#later(owner.name);
    });
  }

  podsOf(job: Job): Pod[] {
    return this.#server
      .all(Pods)
      .filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid) === true);
  }

  #later(name: string): void {
    if (this.#due.has(name)) return;
    this.#due.add(name);
    this.#simulation.post({
      owner: OWNER,
      label: `sync ${name}`,
      run: () => {
        this.#due.delete(name);
        this.#sync(name);
      },
    });
  }

  #wakeForTimes(job: Job): void {
    const { startTime } = job.status ?? {};
    const { activeDeadlineSeconds, ttlSecondsAfterFinished } = job.spec;
    const end = finishedAt(job);
    const times = [
      end === undefined && startTime !== undefined && activeDeadlineSeconds !== undefined
        ? Date.parse(startTime) + activeDeadlineSeconds * 1000
        : undefined,
      end !== undefined && ttlSecondsAfterFinished !== undefined ? end + ttlSecondsAfterFinished * 1000 : undefined,
    ];
    for (const time of times) {
      if (time === undefined || time <= this.#simulation.now) continue;
      this.#simulation.at(time, OWNER, `time of ${job.metadata.name}`, () => this.#later(job.metadata.name));
    }
  }

  #sync(name: string): void {
    const job = this.#server.all(Jobs).find(({ metadata }) => metadata.name === name);
    this.#letGoOfOrphans(name, job);
    if (job === undefined || job.metadata.deletionTimestamp !== undefined) return;
    const end = finishedAt(job);
    if (end !== undefined) {
      const ttl = job.spec.ttlSecondsAfterFinished;
      if (ttl === undefined || end + ttl * 1000 > this.#simulation.now) return;
      const preconditions = { uid: job.metadata.uid };
      this.#server.delete(Jobs, refTo(job), { propagationPolicy: 'Background', preconditions });
      return;
    }
    this.#work(job);
  }

  /** Pods whose Job is gone: nobody will count them. */
  #letGoOfOrphans(name: string, job: Job | undefined): void {
    const gone = job === undefined || job.metadata.deletionTimestamp !== undefined;
    for (const pod of this.#server.all(Pods)) {
      const owner = pod.metadata.ownerReferences?.[0];
      if (owner?.name !== name || (!gone && owner.uid === job.metadata.uid)) continue;
      this.#untrack(pod);
    }
  }

  #work(job: Job): void {
    const indexed = job.spec.completionMode === 'Indexed';
    const completions = job.spec.completions ?? 1;
    const pods = this.podsOf(job);
    const done = new Set(parse(job.status?.completedIndexes));
    if (!indexed && (job.status?.succeeded ?? 0) > 0) done.add(0);
    const failed = new Set(parse(job.status?.failedIndexes));
    let failures = job.status?.failed ?? 0;
    const counted = pods.filter((pod) => isTracked(pod) && hasEnded(pod));
    for (const pod of counted) {
      const index = indexed ? indexOf(pod) : 0;
      if (pod.status?.phase === 'Succeeded') done.add(index);
      else if (!isDisrupted(pod) || !ignoresDisruption(job)) {
        failures += 1;
        if (indexed && !done.has(index)) failed.add(index);
      }
    }
    const late = isLate(job, this.#simulation.now);
    const failing = late
      ? 'DeadlineExceeded'
      : !indexed && failures > 0
        ? 'BackoffLimitExceeded'
        : indexed && failed.size > 0 && done.size + failed.size === completions
          ? 'FailedIndexes'
          : undefined;
    const complete = failing === undefined && done.size === completions;
    let active = pods.filter((pod) => !hasEnded(pod) && pod.metadata.deletionTimestamp === undefined);
    const suspended = job.spec.suspend === true && failing === undefined && !complete;
    if (suspended || failing !== undefined || complete) {
      for (const pod of active) {
        if (suspended) this.#untrack(pod);
        this.#deletePod(pod);
      }
      active = [];
    }
    const terminating = this.podsOf(job).filter(
      (pod) => !hasEnded(pod) && pod.metadata.deletionTimestamp !== undefined,
    ).length;
    let running = active.length;
    if (!suspended && failing === undefined && !complete) {
      // podReplacementPolicy Failed: one that is being deleted is replaced when it has ended.
      const taken = new Set(pods.filter((pod) => !hasEnded(pod)).map((pod) => (indexed ? indexOf(pod) : 0)));
      for (let index = 0; index < completions; index++) {
        if (running + terminating >= (job.spec.parallelism ?? 1)) break;
        if (done.has(index) || failed.has(index) || taken.has(index)) continue;
        if (!this.#createPod(job, indexed ? index : undefined)) break;
        running += 1;
      }
    }
    const now = this.#time();
    const over = running === 0 && terminating === 0;
    const conditions: JobCondition[] = (job.status?.conditions ?? []).filter(({ type }) => type !== 'Suspended');
    if (over && failing !== undefined) conditions.push(condition('Failed', failing, now));
    else if (over && complete) conditions.push(condition('Complete', 'CompletionsReached', now));
    else if (suspended) {
      const known = job.status?.conditions?.find(({ type }) => type === 'Suspended');
      conditions.push(known ?? condition('Suspended', 'JobSuspended', now));
    }
    const { startTime: _, ...known } = job.status ?? {};
    const status: Job['status'] = {
      ...known,
      ...(!suspended && { startTime: job.status?.startTime ?? now }),
      active: running,
      terminating,
      succeeded: done.size,
      failed: failures,
      ...(indexed && { completedIndexes: format(done), failedIndexes: format(failed) }),
      conditions,
      ...(over && complete && { completionTime: now }),
    };
    if (!isDeepStrictEqual(status, job.status)) {
      this.#server.update(Jobs, refTo(job), (it) => ({ ...it, status }), { subresource: 'status' });
    }
    for (const pod of counted) this.#untrack(pod);
  }

  #createPod(job: Job, index: number | undefined): boolean {
    const why = this.refuse();
    if (why !== undefined) {
      this.#refused(job, why);
      const again = this.#simulation.now + 20_000;
      this.#simulation.at(again, OWNER, `again ${job.metadata.name}`, () => this.#later(job.metadata.name));
      return false;
    }
    const { name, namespace = '', uid } = job.metadata;
    this.#server.create(Pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        generateName: `${name}-${index === undefined ? '' : `${index}-`}`,
        namespace,
        finalizers: [TRACKING],
        labels: job.spec.template.metadata?.labels ?? {},
        ...(index !== undefined && { annotations: { [COMPLETION_INDEX]: String(index) } }),
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }],
      },
      spec: job.spec.template.spec,
    });
    return true;
  }

  #deletePod(pod: Pod): void {
    const there = this.#server.find(Pods, refTo(pod));
    if (there !== undefined) this.#server.delete(Pods, refTo(pod), { propagationPolicy: 'Background' });
  }

  #untrack(pod: Pod): void {
    const there = this.#server.find(Pods, refTo(pod));
    if (there === undefined || !isTracked(there)) return;
    this.#server.update(Pods, refTo(pod), (it) => ({
      ...it,
      metadata: { ...it.metadata, finalizers: it.metadata.finalizers?.filter((name) => name !== TRACKING) ?? [] },
    }));
  }

  #time(): string {
    return `${new Date(this.#simulation.now).toISOString().slice(0, 19)}Z`;
  }
}

function condition(type: string, reason: string, lastTransitionTime: string): JobCondition {
  return { type, status: 'True', reason, lastTransitionTime };
}

function finishedAt(job: Job): number | undefined {
  const end = job.status?.conditions?.find(({ type }) => type === 'Complete' || type === 'Failed');
  return end?.lastTransitionTime === undefined ? undefined : Date.parse(end.lastTransitionTime);
}

function isLate({ spec, status }: Job, now: number): boolean {
  const { activeDeadlineSeconds } = spec;
  if (activeDeadlineSeconds === undefined || status?.startTime === undefined || spec.suspend === true) return false;
  return Date.parse(status.startTime) + activeDeadlineSeconds * 1000 <= now;
}

function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(TRACKING) === true;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function isDisrupted({ status }: Pod): boolean {
  return status?.conditions?.some((it) => it.type === 'DisruptionTarget' && it.status === 'True') === true;
}

function ignoresDisruption({ spec }: Job): boolean {
  const [first] = spec.podFailurePolicy?.rules ?? [];
  return first?.action === 'Ignore' && first.onPodConditions?.some(({ type }) => type === 'DisruptionTarget') === true;
}

function indexOf(pod: Pod): number {
  return Number(pod.metadata.annotations?.[COMPLETION_INDEX] ?? 0);
}

function refTo({ metadata }: Job | Pod): { name: string; namespace: string } {
  return { name: metadata.name, namespace: metadata.namespace ?? '' };
}

function parse(text: string | undefined): number[] {
  return (text ?? '').split(',').filter(Boolean).map(Number);
}

function format(indexes: Iterable<number>): string {
  return [...indexes].sort((a, b) => a - b).join(',');
}
