import {
  ExitCode,
  type FailureReason,
  reasonOfExitCode,
  StepOutcome,
  type StepResult,
  type Usage,
} from '@mediajob/contract';
import type { ContainerStateTerminated, Pod } from '@mediajob/kube';
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
  const said = saidBy(ended);
  const usage = said?.usage === undefined ? {} : { usage: said.usage };
  if (pod.status?.phase === 'Succeeded' && ended.exitCode === 0) {
    return {
      ...common,
      ...usage,
      state: 'succeeded',
      ...(said !== undefined && 'result' in said && { result: said.result }),
    };
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

/** The termination message, or, where none could be written, the last line of the log that Kubernetes took instead. */
function saidBy({ message }: ContainerStateTerminated): StepOutcome | undefined {
  if (message === undefined) return undefined;
  const lines = message.trimEnd().split('\n');
  for (const text of [message, lines.at(-1) ?? '']) {
    try {
      const parsed = StepOutcome.safeParse(JSON.parse(text));
      if (parsed.success) return parsed.data;
    } catch {
      // Not JSON: a log, or a text of the runtime.
    }
  }
  return undefined;
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
