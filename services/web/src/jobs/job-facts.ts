import type { BulkJobs, FailureReason, MediaJob, OutputRecord, StageStatus } from '@mediajob/contract';
import { hasEnded } from '../api/job-lists.ts';
import type { Advice, Messages } from '../i18n/messages.ts';

export type JobAction = BulkJobs['action'];

/** What can be done to a job as it stands. */
export function actionsFor(job: MediaJob): readonly JobAction[] {
  if (job.metadata.deletionTimestamp !== undefined) return [];
  if (hasEnded(job)) return job.status.phase === 'Succeeded' ? ['delete'] : ['retry', 'delete'];
  return [job.spec.suspend ? 'resume' : 'suspend', 'cancel', 'delete'];
}

/** Why a job that has not ended does not move, and what follows; undefined when it moves. */
export function waitingAdvice(job: MediaJob, m: Messages): Advice | undefined {
  if (hasEnded(job)) return undefined;
  const queued = job.status.conditions.find((it) => it.type === 'Queued' && it.status === 'True');
  if (queued === undefined) return undefined;
  const advice: Readonly<Record<string, Advice>> = m.condition;
  return advice[queued.reason];
}

/** Why a job failed: by its condition, or by the last run that did. */
export function failureReasonOf(job: MediaJob, m: Messages): FailureReason {
  const condition = job.status.conditions.find((it) => it.type === 'Failed' && it.status === 'True')?.reason;
  if (condition === 'SourceNotAllowed' || condition === 'InvalidSpec') return 'InvalidArguments';
  if (condition !== undefined && Object.hasOwn(m.failure, condition)) return condition as FailureReason;
  return job.status.attempts.at(-1)?.reason ?? 'Internal';
}

/** What the server said about a failure, in English and exact. */
export function failureDetail(job: MediaJob): string {
  const condition = job.status.conditions.find((it) => it.type === 'Failed' && it.status === 'True');
  return [job.status.attempts.at(-1)?.message, condition?.message ?? job.status.message]
    .filter((text, index, all) => text !== undefined && text !== '' && all.indexOf(text) === index)
    .join('\n');
}

/** The stages that people care about: not those that the job does not need, nor our own cleaning up. */
export function shownStages(job: MediaJob): readonly StageStatus[] {
  return job.status.stages.filter((stage) => stage.state !== 'Skipped' && stage.name !== 'cleanup');
}

/** Whether there is a transcript to read. */
export function hasTranscript(job: MediaJob): boolean {
  return job.spec.transcribe !== undefined && job.status.outputs.some((output) => output.format === 'json');
}

const FORMAT_ORDER = ['txt', 'srt', 'vtt', 'docx', 'md', 'json', 'tsv', 'lrc', 'ass', 'ttml'];

/** Files to download: text first, in the order people want it, then audio and video. */
export function sortedOutputs(job: MediaJob): readonly OutputRecord[] {
  const rank = (output: OutputRecord) => {
    const at = FORMAT_ORDER.indexOf(output.format);
    return at < 0 ? FORMAT_ORDER.length : at;
  };
  return job.status.outputs.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

/** How long the last attempt took, or has been taking, in ms. */
export function elapsedMs(job: MediaJob, now: number): number | undefined {
  const { startedAt, finishedAt } = job.status;
  if (startedAt === undefined) return undefined;
  return (finishedAt === undefined ? now : Date.parse(finishedAt)) - Date.parse(startedAt);
}
