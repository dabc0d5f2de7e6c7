import { FAILURE_REASONS, MediaJob, StageName, StepProgress, StepRequest, StepResult, Usage } from '@mediajob/contract';
import { z } from 'zod';

const Time = z.iso.datetime();
const Count = z.int().min(0);

/** Where a run was given to. Written before it is put, so that a crash in between leaves no run that nobody knows of. */
export const Placement = z.strictObject({
  address: z.url(),
  /** The process that has it. */
  instance: z.string().max(128),
  /** It has answered for the run: if it does not know it later, the run is lost. */
  confirmed: z.boolean(),
});
export type Placement = z.infer<typeof Placement>;

export const RunRecord = z.strictObject({
  key: z.strictObject({ stage: StageName, shard: Count, attempt: z.int().min(1), try: z.int().min(1) }),
  tally: z.strictObject({
    counted: Count,
    idle: Count,
    storageWaits: Count,
    modelWaits: Count,
    bestFraction: z.number().min(0).max(1),
    memoryFactor: z.number().min(1),
    avoidNodes: z.array(z.string()),
    cpuSeconds: z.number().min(0),
    maxRssBytes: Count,
  }),
  /** Exactly what is put, also when it is put again. */
  request: StepRequest,
  state: z.enum(['pending', 'running', 'succeeded', 'failed', 'lost']),
  stopRequested: z.boolean().optional(),
  waiting: z
    .strictObject({ reason: z.enum(['WaitingForWorker', 'WorkerUnreachable']), message: z.string() })
    .optional(),
  placement: Placement.optional(),
  /** The address it ran at: what DeviceUnavailable keeps the next try away from. */
  node: z.string().optional(),
  exitCode: z.int().min(0).max(255).optional(),
  reason: z.enum(FAILURE_REASONS).optional(),
  message: z.string().optional(),
  result: StepResult.optional(),
  progress: StepProgress.optional(),
  usage: Usage.optional(),
  startedAt: Time.optional(),
  finishedAt: Time.optional(),
});
export type RunRecord = z.infer<typeof RunRecord>;

/** jobs/<id>/job.json: a MediaJob of the local runtime with its runs. One file, so that both change together. */
export const JobRecord = z.strictObject({
  schemaVersion: z.literal(1),
  job: MediaJob,
  runs: z.array(RunRecord),
  /** Settings that shaped the job's plan when it was made: a later change of them redoes nothing. */
  plan: z.strictObject({ chunkTargetMs: Count, chunksPerShard: z.int().min(1) }),
});
export type JobRecord = z.infer<typeof JobRecord>;
