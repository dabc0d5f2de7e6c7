import { type Job, type JobCondition, type JobStatus, Jobs, type Pod, Pods } from '@mediajob/kube';
import type { MemoryServer } from '../../packages/kube/test/memory-api/index.js';
import { COMPLETION_INDEX } from '../src/labels.js';

/**
 * What Kubernetes' Job controller does, as far as the operator's Jobs need it: pods up to the parallelism, the rules for
 * failures, suspension, Indexed Jobs, and a status that says so. `sync()` does one round of it.
 */
export class JobController {
  readonly #server: MemoryServer;
  readonly #now: () => number;
  /** Refuses a pod, with the event that tells why. */
  refuse: (job: Job) => string | undefined = () => undefined;
  #made = 0;

  constructor(server: MemoryServer, now: () => number) {
    this.#server = server;
    this.#now = now;
  }

  /** @returns whether anything changed */
  sync(): boolean {
    const before = this.#server.version;
    for (const job of this.#server.all(Jobs)) this.#sync(job);
    return this.#server.version !== before;
  }

  podsOf(job: Job): Pod[] {
    return this.#server
      .all(Pods)
      .filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid) === true);
  }

  #sync(job: Job): void {
    if (isFinished(job) || job.metadata.deletionTimestamp !== undefined) return;
    const indexed = job.spec.completionMode === 'Indexed';
    const completions = job.spec.completions ?? 1;
    const pods = this.podsOf(job);
    const done = new Set(parse(job.status?.completedIndexes));
    const failed = new Map<number, string>(parse(job.status?.failedIndexes).map((index) => [index, '']));
    let failure: { reason: string; message: string } | undefined;
    for (const pod of pods) {
      const index = indexed ? Number(pod.metadata.annotations?.[COMPLETION_INDEX]) : 0;
      if (pod.status?.phase === 'Succeeded') done.add(index);
      if (pod.status?.phase !== 'Failed' || wasSuspended(pod) || isDisrupted(pod)) continue;
      if (indexed) failed.set(index, '');
      else failure = { reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
    }
    const active = pods.filter((pod) => !ended(pod) && pod.metadata.deletionTimestamp === undefined);
    let terminating = pods.filter((pod) => !ended(pod) && pod.metadata.deletionTimestamp !== undefined).length;
    let running = active.length;
    const conditions: JobCondition[] = [...(job.status?.conditions ?? [])].filter(({ type }) => type !== 'Suspended');
    if (job.spec.suspend === true) {
      for (const pod of active) {
        this.#server.update(Pods, refTo(pod), (it) => ({
          ...it,
          metadata: { ...it.metadata, annotations: { ...it.metadata.annotations, [SUSPENDED]: 'true' } },
        }));
        this.#server.delete(Pods, refTo(pod), { propagationPolicy: 'Background' });
        if (this.#server.find(Pods, refTo(pod)) !== undefined) terminating += 1;
        running -= 1;
      }
      conditions.push(this.#condition(job, 'Suspended', 'JobSuspended'));
    } else if (failure === undefined) {
      const free = Array.from({ length: completions }, (_, index) => index).filter(
        (index) => !done.has(index) && !failed.has(index) && !active.some((pod) => indexOf(pod) === index),
      );
      // podReplacementPolicy Failed: one that is being deleted is replaced when it has ended.
      for (const index of free) {
        if (running + terminating >= (job.spec.parallelism ?? 1)) break;
        if (!this.#create(job, indexed ? index : undefined)) break;
        running += 1;
      }
    }
    const over = running === 0 && terminating === 0;
    if (failure !== undefined && over) conditions.push(this.#condition(job, 'Failed', failure.reason));
    else if (over && done.size === completions) conditions.push(this.#condition(job, 'Complete', 'CompletionsReached'));
    else if (over && done.size + failed.size === completions) {
      conditions.push(this.#condition(job, 'Failed', 'FailedIndexes'));
    }
    const complete = conditions.some(({ type }) => type === 'Complete');
    const status: JobStatus = {
      ...job.status,
      startTime: job.status?.startTime ?? this.#time(),
      active: running,
      terminating,
      succeeded: done.size,
      ...(indexed && { completedIndexes: format(done), failedIndexes: format(failed.keys()) }),
      ...(conditions.length > 0 && { conditions }),
      ...(complete && { completionTime: this.#time() }),
    };
    this.#server.update(Jobs, refTo(job), (it) => ({ ...it, status }), { subresource: 'status' });
  }

  #create(job: Job, index: number | undefined): boolean {
    const refusal = this.refuse(job);
    if (refusal !== undefined) return false;
    this.#made += 1;
    const { name, namespace = '', uid } = job.metadata;
    this.#server.create(Pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${name}-${index === undefined ? '' : `${index}-`}${this.#made}`,
        namespace,
        labels: job.spec.template.metadata?.labels ?? {},
        ...(index !== undefined && { annotations: { [COMPLETION_INDEX]: String(index) } }),
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid, controller: true }],
      },
      spec: job.spec.template.spec,
    });
    return true;
  }

  #condition(job: Job, type: string, reason: string): JobCondition {
    const known = job.status?.conditions?.find((it) => it.type === type);
    return known ?? { type, status: 'True', reason, lastTransitionTime: this.#time() };
  }

  #time(): string {
    return `${new Date(this.#now()).toISOString().slice(0, 19)}Z`;
  }
}

/** What stands for the tracking finalizer that the Job controller takes off pods which it deletes itself. */
const SUSPENDED = 'test/suspended';

function wasSuspended(pod: Pod): boolean {
  return pod.metadata.annotations?.[SUSPENDED] === 'true';
}

function isFinished(job: Job): boolean {
  return job.status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') === true;
}

function ended(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function isDisrupted(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'DisruptionTarget' && status === 'True') === true;
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
