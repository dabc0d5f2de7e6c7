/** Phases, condition types and reasons: the one file that names them. Each reason is stable and documented. */
export const PHASES = [
  'Pending',
  'Queued',
  'Fetching',
  'Converting',
  'Transcribing',
  'Finalizing',
  'Succeeded',
  'Failed',
  'Cancelled',
  'Suspended',
] as const;
export type Phase = (typeof PHASES)[number];
export const TERMINAL_PHASES: readonly Phase[] = ['Succeeded', 'Failed', 'Cancelled'];

export const CONDITION_TYPES = [
  'Accepted',
  'Suspended',
  'Queued',
  'Converted',
  'Transcribed',
  'Succeeded',
  'Failed',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

export const CONDITION_REASONS = [
  // Accepted
  'Accepted',
  'SourceNotAllowed',
  'InvalidSpec',
  'ProfileNotFound',
  // Suspended
  'Suspended',
  'Resumed',
  // Queued
  'WaitingForWorker',
  'WorkerUnreachable',
  'WaitingForRetry',
  'StorageFull',
  'ModelMissing',
  'Unschedulable',
  'WaitingForQuota',
  'ImageUnavailable',
  'VolumePending',
  'PodRefused',
  'NodeLost',
  'NameConflict',
  'WaitingForCluster',
  'Paused',
  'Running',
  'Finished',
  // Converted, Transcribed, Succeeded
  'InProgress',
  'Converted',
  'Transcribed',
  'Succeeded',
  'NotAskedFor',
  // Failed
  'NotFailed',
  'Cancelled',
  'DeadlineExceeded',
  'RetriesExhausted',
  'UnsupportedMedia',
  'InputNotFound',
  'InvalidArguments',
  'BadChecksum',
] as const;
export type ConditionReason = (typeof CONDITION_REASONS)[number];
