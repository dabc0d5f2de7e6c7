import { z } from 'zod';
import { PHASES } from './conditions.js';
import { OutputFile, UploadInfo } from './documents.js';
import { JobId, JobName, Sha256, UploadId } from './ids.js';
import { MediaJob } from './mediajob.js';
import { MediaJobSpec, MediaPath } from './spec.js';
import { MediaInfo } from './steps.js';

/** POST /api/v1/jobs. The same name with the same content answers the job that exists; with another, 409 job-exists. */
export const CreateJob = z.strictObject({
  metadata: z
    .strictObject({
      name: JobName.optional().describe('Left out: made from the upload’s id.'),
      title: z.string().max(200).optional(),
    })
    .default({}),
  spec: MediaJobSpec,
});
export type CreateJob = z.infer<typeof CreateJob>;
export type CreateJobInput = z.input<typeof CreateJob>;

/** PATCH /api/v1/jobs/:id: what may change after a job is made. null takes a value back. */
export const PatchJob = z.strictObject({
  metadata: z.strictObject({ title: z.string().max(200).nullable().optional() }).optional(),
  spec: z
    .strictObject({
      suspend: z.boolean().optional(),
      cancel: z.boolean().optional(),
      activeDeadlineSeconds: z.int().min(1).max(31_536_000).nullable().optional(),
      ttlSecondsAfterFinished: z.int().min(0).max(315_360_000).nullable().optional(),
      retries: z.int().min(0).max(10).optional(),
    })
    .optional(),
});
export type PatchJob = z.infer<typeof PatchJob>;

/** GET /api/v1/jobs */
export const ListJobsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  cursor: z.string().max(200).optional(),
  phase: z.enum(PHASES).optional(),
  active: z.enum(['true', 'false']).optional().describe('true: only jobs that have not ended.'),
  search: z.string().max(200).optional().describe('Part of the title, file name or name.'),
});
export type ListJobsQuery = z.infer<typeof ListJobsQuery>;

export const JobList = z.strictObject({
  items: z.array(MediaJob),
  next: z.string().optional().describe('Cursor of the next page.'),
  total: z.int().min(0),
});
export type JobList = z.infer<typeof JobList>;

/** POST /api/v1/jobs/bulk */
export const BulkJobs = z.strictObject({
  action: z.enum(['cancel', 'retry', 'suspend', 'resume', 'delete']),
  ids: z.array(JobId).min(1).max(500),
});
export type BulkJobs = z.infer<typeof BulkJobs>;
export const BulkResult = z.strictObject({
  results: z.array(
    z.strictObject({ id: JobId, ok: z.boolean(), code: z.string().optional(), detail: z.string().optional() }),
  ),
});
export type BulkResult = z.infer<typeof BulkResult>;

/** GET /api/v1/uploads/:id/info */
export const UploadStatus = UploadInfo.extend({
  receivedBytes: z.int().min(0),
  complete: z.boolean(),
  jobs: z.array(JobId).describe('Jobs that name this upload.'),
});
export type UploadStatus = z.infer<typeof UploadStatus>;

/** GET /api/v1/jobs/:id/outputs: what finished stages have made so far. */
export const OutputList = z.strictObject({ outputs: z.array(OutputFile) });
export type OutputList = z.infer<typeof OutputList>;

const TranscriptEdit = z.strictObject({
  segment: z.int().min(0).max(9_999_999).describe('Index of the segment in the transcript.'),
  text: z.string().max(10_000).describe('What is really said there; empty removes the segment.'),
});
export type TranscriptEdit = z.infer<typeof TranscriptEdit>;
const edits = z.array(TranscriptEdit).max(100_000).describe('At most one a segment.');

/** Body of PUT /api/v1/jobs/:id/transcript/edits: all corrections, not only new ones. If-Match names what they replace. */
export const PutTranscriptEdits = z.strictObject({ edits });
export type PutTranscriptEdits = z.infer<typeof PutTranscriptEdits>;

/** outputs/<job>/edits.json, and GET /api/v1/jobs/:id/transcript/edits. */
export const TranscriptEdits = z.strictObject({
  schemaVersion: z.literal(1),
  transcriptSha256: Sha256.optional().describe('The transcript they were made for; they fit no other.'),
  updatedAt: z.iso.datetime().optional().describe('Left out while there are none.'),
  edits,
});
export type TranscriptEdits = z.infer<typeof TranscriptEdits>;

/** POST /v1/probe of the converter. */
export const ProbeRequest = z.strictObject({ source: MediaPath, audioTrack: z.int().min(0).max(63).default(0) });
export type ProbeRequest = z.infer<typeof ProbeRequest>;
export const ProbeResponse = MediaInfo;

/** GET /v1/models of the transcriber, and /api/v1/models of main. */
export const ModelStatus = z.strictObject({
  name: z.string(),
  description: z.string(),
  languages: z.int().describe('How many languages it knows.'),
  translates: z.boolean(),
  installed: z.boolean(),
  bytes: z.int().min(0).describe('Size on disk, or of the download when it is not installed.'),
  downloadable: z.boolean().describe('Whether the catalog names a source for it.'),
  default: z.boolean(),
  pull: z
    .strictObject({
      state: z.enum(['running', 'failed']),
      step: z.string().max(32).optional().describe('What is being done, such as downloading.'),
      fraction: z.number().min(0).max(1).optional().describe('Share of this step that is done.'),
      message: z.string().max(1024).optional().describe('Why it failed, and what to do next.'),
    })
    .optional()
    .describe('A pull that is under way here, or failed last.'),
});
export type ModelStatus = z.infer<typeof ModelStatus>;
export const ModelList = z.strictObject({ models: z.array(ModelStatus) });
export type ModelList = z.infer<typeof ModelList>;

/** GET /v1/languages */
export const LanguageList = z.strictObject({
  languages: z.array(z.strictObject({ code: z.string(), name: z.string() })),
});
export type LanguageList = z.infer<typeof LanguageList>;

/** POST /v1/detect-language of the transcriber: looks at the work audio of a job. */
export const DetectLanguageRequest = z.strictObject({ jobId: JobId, model: z.string().max(64).optional() });
export type DetectLanguageRequest = z.infer<typeof DetectLanguageRequest>;

const HealthState = z.enum(['up', 'degraded', 'down']);
/** GET /api/v1/system */
export const SystemStatus = z.strictObject({
  version: z.string(),
  runtime: z.enum(['local', 'kubernetes']),
  startedAt: z.iso.datetime(),
  health: HealthState,
  services: z.array(
    z.strictObject({
      name: z.enum(['main', 'converter', 'transcriber']),
      address: z.string(),
      state: HealthState,
      instance: z.string().optional(),
      version: z.string().optional(),
      running: z.int().optional(),
      queued: z.int().optional(),
      capacity: z.int().optional(),
      detail: z.string().optional(),
    }),
  ),
  storage: z.strictObject({
    totalBytes: z.int(),
    freeBytes: z.int(),
    reserveBytes: z.int(),
    state: z.enum(['ok', 'low', 'full']),
  }),
  cluster: z
    .strictObject({
      namespace: z.string().describe('Whose MediaJobs are served.'),
      state: HealthState.describe('down: it does not answer; jobs are shown as they were last. degraded: it refuses.'),
      since: z.iso.datetime().describe('When that began.'),
      detail: z.string().optional().describe('What is wrong, and what to do next.'),
      queued: z.int().min(0).describe('Jobs that are kept here until it answers.'),
    })
    .optional()
    .describe('Of the kubernetes runtime.'),
  jobs: z.record(z.enum(PHASES), z.int().min(0)),
  models: z.array(ModelStatus),
  limits: z.strictObject({
    maxUploadBytes: z.int(),
    maxDurationMs: z.int(),
    defaultModel: z.string(),
  }),
});
export type SystemStatus = z.infer<typeof SystemStatus>;

/**
 * GET /api/v1/events, Server-Sent Events. `id:` is `<epoch>-<sequence>`; with Last-Event-ID of the same epoch the
 * missed ones follow, otherwise one `reset` tells the page to load its lists again.
 */
export const ServerEvent = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('reset') }),
  z.strictObject({ type: z.literal('job'), job: MediaJob }),
  z.strictObject({ type: z.literal('job-deleted'), id: JobId }),
  z.strictObject({ type: z.literal('upload-deleted'), id: UploadId }),
  z.strictObject({ type: z.literal('system') }),
]);
export type ServerEvent = z.infer<typeof ServerEvent>;
