import { z } from 'zod';
import { StageName, StepFailure, StepProgress, StepResult } from './steps.js';
import { Usage } from './usage.js';

/** `<job>-<stage>-<shard>-<attempt>-<try>`: the same run always has the same id, so a PUT may be sent again. */
export const TaskId = z
  .string()
  .max(120)
  .regex(/^[a-z0-9][a-z0-9-]*$/)
  .describe('Id of a task: <job>-<stage>-<shard>-<attempt>-<try>.');

export const TASK_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** What GET /v1/tasks/:id, PUT and the SSE stream answer. */
export const TaskStatus = z.strictObject({
  id: TaskId,
  instance: z
    .string()
    .max(128)
    .describe('Which process runs it. A new instance knows nothing of earlier tasks: the run is lost.'),
  stage: StageName,
  state: z.enum(TASK_STATES),
  progress: StepProgress.optional(),
  result: StepResult.optional(),
  failure: StepFailure.optional(),
  usage: Usage.optional(),
  createdAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
});
export type TaskStatus = z.infer<typeof TaskStatus>;

/** GET /v1/tasks: what this instance is doing and could take. */
export const TaskList = z.strictObject({
  instance: z.string(),
  capacity: z.int().min(0).describe('Tasks run at once.'),
  running: z.int().min(0),
  queued: z.int().min(0),
  draining: z.boolean(),
  tasks: z.array(TaskStatus),
});
export type TaskList = z.infer<typeof TaskList>;
