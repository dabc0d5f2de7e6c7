import {
  ExitCode,
  type FailureReason,
  reasonOfExitCode,
  StepOutcome,
  type StepResult,
  type Usage,
} from '@mediajob/contract';
import type { ContainerStateTerminated, Pod } from '@mediajob/kube';
import type { z } from 'zod';
import { isDisrupted, mainStatus, prepareStatus } from './pods.js';

/** How a pod ended, as `decide()` wants to know it. */
export interface PodOutcome {
  readonly state: 'succeeded' | 'failed' | 'lost';
  readonly result?: StepResult;
  readonly exitCode?: number;
  readonly reason?: FailureReason;
  readonly message?: string;
  readonly disrupted?: boolean;
  readonly usage?: Usage;
  readonly node?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

/** Whatever the node said when it could not, or would not, run a pod; none of it is the fault of the job. */
const NODE_REFUSALS = new Set(['NodeAffinity', 'NodePorts', 'NodeShutdown', 'Terminated', 'PodNotAdmitted']);

/**
 * The outcome of a pod that ended. What the step itself said (its termination message) comes first, then why the
 * container was ended, then its bare exit code; a pod that never had a container tells it by its own reason.
 */
export function podOutcome(pod: Pod): PodOutcome {
  const ended = endedContainer(pod);
  const common = {
    ...(pod.spec.nodeName !== undefined && { node: pod.spec.nodeName }),
    ...(isDisrupted(pod) && { disrupted: true }),
    ...timesOf(pod, ended),
  };
  if (ended === undefined) return { ...common, ...withoutContainer(pod) };
  const { said, why } = saidBy(ended);
  const usage = said?.usage === undefined ? {} : { usage: said.usage };
  if (pod.status?.phase === 'Succeeded' && ended.exitCode === 0) {
    if (said !== undefined && 'result' in said) return { ...common, ...usage, state: 'succeeded', result: said.result };
    return { ...common, ...usage, state: 'succeeded', message: unreadable(why ?? 'it tells of a failure') };
  }
  return { ...common, ...usage, ...failureOf(pod, ended, said) };
}

function failureOf(
  pod: Pod,
  ended: ContainerStateTerminated,
  said: StepOutcome | undefined,
): Pick<PodOutcome, 'state' | 'exitCode' | 'reason' | 'message'> {
  if (ended.reason === 'OOMKilled') {
    return {
      state: 'failed',
      exitCode: ExitCode.OutOfMemory,
      reason: 'OutOfMemory',
      message: 'It needed more memory than its profile gives.',
    };
  }
  if (said !== undefined && 'failure' in said) return { state: 'failed', ...said.failure };
  if (ended.reason === 'ContainerStatusUnknown') {
    return { state: 'lost', message: `The node ${nodeOf(pod)} lost sight of it.` };
  }
  // 128: the runtime could not start it; its message says why.
  const reason = ended.exitCode === ExitCode.OutOfMemory ? 'Killed' : reasonOfExitCode(ended.exitCode);
  const why =
    ended.reason === 'StartError' || ended.reason === 'ContainerCannotRun' ? ended.message : pod.status?.message;
  return {
    state: 'failed',
    exitCode: ended.exitCode === 0 ? ExitCode.Internal : ended.exitCode,
    reason: ended.exitCode === 0 ? 'Internal' : reason,
    ...(why !== undefined && why !== '' && { message: why.slice(0, 1024) }),
  };
}

/** A pod that was refused by its node, or ended before any container began. */
function withoutContainer(pod: Pod): Pick<PodOutcome, 'state' | 'exitCode' | 'reason' | 'message'> {
  const { reason = '', message } = pod.status ?? {};
  const text = message === undefined || message === '' ? `The pod ended as ${reason || 'failed'}.` : message;
  if (pod.status?.phase === 'Succeeded') return { state: 'succeeded' };
  // A device plugin that has no healthy device left says no in this way.
  if (reason === 'UnexpectedAdmissionError') {
    return { state: 'failed', exitCode: ExitCode.DeviceUnavailable, reason: 'DeviceUnavailable', message: cut(text) };
  }
  if (NODE_REFUSALS.has(reason) || reason.startsWith('OutOf') || isDisrupted(pod)) {
    return { state: 'failed', exitCode: ExitCode.Interrupted, reason: 'Interrupted', message: cut(text) };
  }
  if (reason === 'DeadlineExceeded') {
    return { state: 'failed', exitCode: ExitCode.Interrupted, reason: 'DeadlineExceeded', message: cut(text) };
  }
  return { state: 'failed', exitCode: ExitCode.Temporary, reason: 'Temporary', message: cut(text) };
}

/** The container that ended the pod: prepare when it failed, else the main one. */
function endedContainer(pod: Pod): ContainerStateTerminated | undefined {
  const prepared = prepareStatus(pod)?.state?.terminated;
  if (prepared !== undefined && prepared.exitCode !== 0) return prepared;
  return mainStatus(pod)?.state?.terminated;
}

/** What to say of a run that succeeded, and whose result is not known. */
export function unreadable(why: string): string {
  return `It ended well, but its result could not be read: ${why}.`.slice(0, 1024);
}

/** The termination message, or, where none could be written, the last line of the log that Kubernetes took instead. */
function saidBy({ message = '' }: ContainerStateTerminated): { said?: StepOutcome; why?: string } {
  if (message.trim() === '') return { why: 'the termination message is empty' };
  const lines = message.trimEnd().split('\n');
  let why: string | undefined;
  for (const text of [message, lines.at(-1) ?? '']) {
    try {
      const value: unknown = JSON.parse(text);
      const parsed = StepOutcome.safeParse(value);
      if (parsed.success) return { said: parsed.data };
      why ??= `in the termination message, ${wrongField(value, parsed.error.issues)}`;
    } catch {
      // Not JSON: a log, or a text of the runtime.
    }
  }
  return { why: why ?? 'the termination message is not JSON' };
}

/** The field that is wrong, of what an outcome was most likely meant to be, and what is wrong with it. */
function wrongField(value: unknown, issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  if (issue === undefined) return 'something is wrong';
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const meant = typeof value === 'object' && value !== null && 'failure' in value ? 1 : 0;
    const inner = issue.errors[issue.path.length === 0 ? meant : 0] ?? [];
    return wrongField(
      undefined,
      inner.map((it) => ({ ...it, path: [...issue.path, ...it.path] })),
    );
  }
  return `${issue.path.join('.') || 'the whole'}: ${issue.message}`;
}

function timesOf(pod: Pod, ended: ContainerStateTerminated | undefined): Pick<PodOutcome, 'startedAt' | 'finishedAt'> {
  const startedAt = ended?.startedAt ?? pod.status?.startTime;
  const finishedAt = ended?.finishedAt ?? undefined;
  return {
    ...(startedAt != null && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
  };
}

function nodeOf(pod: Pod): string {
  return pod.spec.nodeName ?? 'of its pod';
}

function cut(text: string): string {
  return text.slice(0, 1024);
}
