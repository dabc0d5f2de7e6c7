import { z } from 'zod';
import { CONDITION_REASONS, CONDITION_TYPES, PHASES } from './conditions.js';
import { FAILURE_REASONS } from './exit-codes.js';
import { OutputName } from './ids.js';
import { MediaInfo, STAGES } from './steps.js';
import { Usage } from './usage.js';

const Time = z.iso.datetime().describe('Time in UTC, RFC 3339.');
const Percent = z.number().min(0).max(100).describe('Work done, 0 to 100.');

export const Condition = z.strictObject({
  type: z.enum(CONDITION_TYPES),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.enum(CONDITION_REASONS),
  message: z
    .string()
    .max(1024)
    .describe('One plain sentence that says what to do next, where there is something to do.'),
  lastTransitionTime: Time,
  observedGeneration: z.int().min(0).optional(),
});
export type Condition = z.infer<typeof Condition>;

export const STAGE_STATES = ['Pending', 'Queued', 'Running', 'Succeeded', 'Failed', 'Skipped'] as const;
export const StageStatus = z.strictObject({
  name: z.enum(STAGES),
  state: z.enum(STAGE_STATES),
  percent: Percent.default(0),
  shards: z.int().min(1).describe('Runs that this stage is split into.'),
  shardsDone: z.int().min(0),
  attempt: z.int().min(1).describe('Attempt of the job that this stage last ran in.'),
  startedAt: Time.optional(),
  finishedAt: Time.optional(),
  reason: z.enum(FAILURE_REASONS).optional(),
  message: z.string().max(1024).optional(),
});
export type StageStatus = z.infer<typeof StageStatus>;

export const AttemptRecord = z.strictObject({
  stage: z.enum(STAGES),
  shard: z.int().min(0),
  attempt: z.int().min(1),
  exitCode: z.int().min(0).max(255),
  reason: z.enum(FAILURE_REASONS),
  message: z.string().max(1024),
  counted: z.boolean().describe('Whether it used up one of the retries.'),
  startedAt: Time.optional(),
  finishedAt: Time,
});
export type AttemptRecord = z.infer<typeof AttemptRecord>;

export const OutputRecord = z.strictObject({
  name: OutputName,
  format: z.string().max(8),
  bytes: z.int().min(0),
});
export type OutputRecord = z.infer<typeof OutputRecord>;

export const Progress = z.strictObject({
  percent: Percent,
  text: z.string().max(8).describe('The percentage as kubectl prints it, such as 63%.'),
  realtimeFactor: z.number().min(0).optional().describe('Seconds of audio transcribed per second.'),
  etaSeconds: z.int().min(0).optional(),
  etaText: z.string().max(16).optional(),
});
export type Progress = z.infer<typeof Progress>;

export const MediaJobStatus = z.strictObject({
  observedGeneration: z.int().min(0).default(0),
  phase: z.enum(PHASES).default('Pending').describe('Derived from the conditions for people; never the truth.'),
  attempt: z.int().min(1).default(1),
  retryToken: z
    .string()
    .max(64)
    .optional()
    .describe('Last value of the annotation mediajob.io/retry that was acted on.'),
  stages: z.array(StageStatus).max(16).default([]),
  progress: Progress.default({ percent: 0, text: '0%' }),
  media: MediaInfo.optional(),
  durationText: z.string().max(16).optional(),
  language: z.string().max(16).optional().describe('Language of the transcript, BCP-47.'),
  usage: Usage.optional(),
  outputs: z.array(OutputRecord).max(32).default([]),
  attempts: z.array(AttemptRecord).max(10).default([]).describe('The last failed runs, newest last.'),
  conditions: z.array(Condition).max(16).default([]),
  startedAt: Time.optional().describe('When the current attempt began, or went on after a suspension.'),
  finishedAt: Time.optional(),
  message: z.string().max(1024).default(''),
});
export type MediaJobStatus = z.infer<typeof MediaJobStatus>;
