import { z } from 'zod';
import { CONDITION_REASONS, CONDITION_TYPES, PHASES } from './conditions.js';
import { FAILURE_REASONS } from './exit-codes.js';
import { OutputName } from './ids.js';
import { MediaInfo, STAGES } from './steps.js';
import { Usage } from './usage.js';

const Time = z.iso.datetime();
const Percent = z.number().min(0).max(100);
/** What counts things of a job: far from the end of 32 bits. */
const Count = z.int().min(0).max(2_147_483_647);
const Ordinal = z.int().min(1).max(2_147_483_647);
const Message = z.string().max(1024);

export const Condition = z
  .strictObject({
    type: z
      .enum(CONDITION_TYPES)
      .describe('What it is about: taken, suspended, waiting, converted, transcribed, done or failed.'),
    status: z.enum(['True', 'False', 'Unknown']).describe('Whether that is so.'),
    reason: z.enum(CONDITION_REASONS).describe('Why it is so, in one word that stays the same across versions.'),
    message: Message.describe('One plain sentence that says what to do next, where there is something to do.'),
    lastTransitionTime: Time.describe('When the status last turned.'),
    observedGeneration: z.int().min(0).optional().describe('The metadata.generation that this was seen in.'),
  })
  .describe('One finding about the job.');
export type Condition = z.infer<typeof Condition>;

export const STAGE_STATES = ['Pending', 'Queued', 'Running', 'Succeeded', 'Failed', 'Skipped'] as const;
export const StageStatus = z
  .strictObject({
    name: z.enum(STAGES).describe('Which stage.'),
    state: z
      .enum(STAGE_STATES)
      .describe('Pending: waits for a stage before it. Queued: its runs wait to start. Skipped: not needed.'),
    percent: Percent.default(0).describe('Work of this stage done, 0 to 100.'),
    shards: Ordinal.describe('Runs that this stage is split into.'),
    shardsDone: Count.describe('Runs of them that are done.'),
    attempt: Ordinal.describe('Attempt of the job that this stage last ran in.'),
    startedAt: Time.optional().describe('When its first run began.'),
    finishedAt: Time.optional().describe('When its last run ended.'),
    reason: z.enum(FAILURE_REASONS).optional().describe('Why a run of it failed last.'),
    message: Message.optional().describe('What that run said, and what to do next.'),
  })
  .describe('How far one stage is.');
export type StageStatus = z.infer<typeof StageStatus>;

export const AttemptRecord = z
  .strictObject({
    stage: z.enum(STAGES).describe('Stage of the run.'),
    shard: Count.describe('Which part of the stage it was, counted from 0.'),
    attempt: Ordinal.describe('Attempt of the job that it belonged to.'),
    exitCode: z.int().min(0).max(255).describe('How it ended: 65 unsupported media, 137 out of memory, and so on.'),
    reason: z.enum(FAILURE_REASONS).describe('The same in one word.'),
    message: Message.describe('What was wrong, and what to do next.'),
    counted: z.boolean().describe('Whether it used up one of the retries.'),
    startedAt: Time.optional().describe('When it began.'),
    finishedAt: Time.describe('When it ended.'),
  })
  .describe('A run that failed.');
export type AttemptRecord = z.infer<typeof AttemptRecord>;

export const OutputRecord = z
  .strictObject({
    name: OutputName.describe('File name below outputs/<uid>/ on the media volume.'),
    format: z.string().max(8).describe('Its format, such as srt or mp3.'),
    bytes: z.int().min(0).describe('Its size.'),
  })
  .describe('A file that is ready.');
export type OutputRecord = z.infer<typeof OutputRecord>;

export const Progress = z
  .strictObject({
    percent: Percent.describe('Work done, 0 to 100; it never goes back within an attempt.'),
    text: z.string().max(8).describe('The percentage as kubectl prints it, such as 63%.'),
    realtimeFactor: z.number().min(0).optional().describe('Seconds of audio transcribed per second.'),
    etaSeconds: Count.optional().describe('Seconds that are left, as far as can be told.'),
    etaText: z.string().max(16).optional().describe('The same as kubectl prints it, such as 2m 30s.'),
  })
  .describe('How far the job is, for people: it may lag some seconds behind.');
export type Progress = z.infer<typeof Progress>;

export const MediaJobStatus = z
  .strictObject({
    observedGeneration: z.int().min(0).default(0).describe('The metadata.generation that this status is about.'),
    phase: z.enum(PHASES).default('Pending').describe('Derived from the conditions for people; never the truth.'),
    attempt: Ordinal.default(1).describe('Which attempt this is; each retry begins another.'),
    retryToken: z
      .string()
      .max(1024)
      .optional()
      .describe('Last value of the annotation mediajob.io/retry that was acted on.'),
    stages: z.array(StageStatus).max(16).default([]).describe('The stages of the job, in their order.'),
    progress: Progress.default({ percent: 0, text: '0%' }).describe(
      'How far the job is, for people: it may lag some seconds behind.',
    ),
    media: MediaInfo.optional(),
    durationText: z.string().max(16).optional().describe('Length of the media as kubectl prints it, such as 1:02:03.'),
    language: z.string().max(16).optional().describe('Language of the transcript, BCP-47.'),
    usage: Usage.optional(),
    outputs: z.array(OutputRecord).max(32).default([]).describe('Files that are ready, below outputs/<uid>/.'),
    attempts: z.array(AttemptRecord).max(10).default([]).describe('The last failed runs, newest last.'),
    conditions: z.array(Condition).max(16).default([]).describe('What is known about the job.'),
    startedAt: Time.optional().describe('When the current attempt began, or went on after a suspension.'),
    finishedAt: Time.optional().describe('When the job ended.'),
    message: Message.default('').describe('What the job waits for, or why it ended, and what to do next.'),
  })
  .describe('What has become of it. Written by the operator alone.');
export type MediaJobStatus = z.infer<typeof MediaJobStatus>;
