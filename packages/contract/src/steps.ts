import { z } from 'zod';
import { FAILURE_REASONS } from './exit-codes.js';
import { TEXT_FORMATS, TextFormat } from './formats.js';
import { JobId, OutputName, Sha256, VolumePath } from './ids.js';
import { LanguageChoice, LanguageMode } from './languages.js';
import { ModelName, Quality, Rendition, SubtitleRules } from './spec.js';
import { Usage } from './usage.js';

/** Stages of a job in the order in which people think of them. */
export const STAGES = ['convert', 'transcribe', 'finalize', 'render', 'cleanup'] as const;
export const StageName = z.enum(STAGES);
export type StageName = z.infer<typeof StageName>;

/** What the probe found, in the source and in the chosen audio stream. */
export const MediaInfo = z
  .strictObject({
    durationMs: z.int().min(0).describe('Length of the chosen audio stream in ms, measured by its packets.'),
    container: z.string().max(64).describe('ffmpeg’s name of the container format.'),
    audioCodec: z.string().max(32).describe('ffmpeg’s name of the audio format.'),
    sampleRate: z.int().min(0).max(2_147_483_647).describe('Samples per second of the chosen audio stream.'),
    channels: z.int().min(0).max(2_147_483_647).describe('Channels of the chosen audio stream.'),
    audioTracks: z.int().min(1).max(2_147_483_647).describe('Audio streams in the file.'),
    video: z.boolean().describe('Whether there is a picture that moves; cover art does not count.'),
    bytes: z.int().min(0).describe('Size of the source.'),
  })
  .describe('What was found in the media file.');
export type MediaInfo = z.infer<typeof MediaInfo>;

/** Ways to find speech: Silero's network, or only how loud it is. */
export const DETECTORS = ['silero', 'energy'] as const;
export type Detector = (typeof DETECTORS)[number];

/** How the chunk plan is cut: the same audio and the same parameters always give the same plan. */
export const PlanParameters = z.strictObject({
  targetMs: z.int().min(30_000).max(3_600_000).default(300_000).describe('Wanted length of a chunk.'),
  windowMs: z.int().min(5_000).max(30_000).default(30_000).describe('Longest window that is decoded at once.'),
  detector: z.enum(DETECTORS).optional().describe('How speech is found; silero when left out.'),
});
export type PlanParameters = z.infer<typeof PlanParameters>;

const common = {
  jobId: JobId,
  runId: z
    .string()
    .max(120)
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .describe('Name of the run; temporary files carry it.'),
};

export const ConvertRequest = z.strictObject({
  stage: z.literal('convert'),
  ...common,
  source: VolumePath,
  audioTrack: z.int().min(0).max(63),
  transcript: z.boolean().describe('true: write audio.wav, peaks.json and plan.json. false: probe only.'),
  plan: PlanParameters.prefault({}),
  maxDurationMs: z
    .int()
    .min(1_000)
    .max(133_200_000)
    .describe('Longest audio taken. A WAV of 16 kHz mono ends at 4 GiB, 37 h.'),
});
export type ConvertRequest = z.infer<typeof ConvertRequest>;

export const FinalizeOptions = z.strictObject({
  formats: z.array(TextFormat).min(1).max(TEXT_FORMATS.length),
  subtitles: SubtitleRules,
});
export type FinalizeOptions = z.infer<typeof FinalizeOptions>;

const speech = {
  model: ModelName,
  language: LanguageChoice,
  languageMode: LanguageMode.optional(),
  fallbackModel: ModelName.optional().describe('Hears again what stays doubtful, where it is installed.'),
  task: z.enum(['transcribe', 'translate']),
};

export const TranscribeRequest = z.strictObject({
  stage: z.literal('transcribe'),
  ...common,
  shard: z.int().min(0).max(9999),
  chunks: z
    .strictObject({ from: z.int().min(0), to: z.int().min(0) })
    .describe('Chunks of the plan that this shard takes: from inclusive, to exclusive.'),
  ...speech,
  prompt: z.string().max(1000).optional(),
  quality: Quality,
  finalize: FinalizeOptions.optional().describe('Given when there is one shard: finalize at the end of this run.'),
});
export type TranscribeRequest = z.infer<typeof TranscribeRequest>;

export const FinalizeRequest = z.strictObject({
  stage: z.literal('finalize'),
  ...common,
  ...speech,
  quality: Quality,
  prompt: z.string().max(1000).optional(),
  options: FinalizeOptions,
});
export type FinalizeRequest = z.infer<typeof FinalizeRequest>;

export const RenderRequest = z.strictObject({
  stage: z.literal('render'),
  ...common,
  source: VolumePath,
  audioTrack: z.int().min(0).max(63),
  renditions: z.array(Rendition).min(1).max(8),
  subtitles: SubtitleRules.optional().describe('Given when a rendition has subtitles: how they are cut.'),
  maxDurationMs: z.int().min(1_000).max(133_200_000),
});
export type RenderRequest = z.infer<typeof RenderRequest>;

export const CleanupRequest = z.strictObject({ stage: z.literal('cleanup'), ...common });
export type CleanupRequest = z.infer<typeof CleanupRequest>;

/** Body of PUT /v1/tasks/:id, and the argument of a Job. */
export const StepRequest = z.discriminatedUnion('stage', [
  ConvertRequest,
  TranscribeRequest,
  FinalizeRequest,
  RenderRequest,
  CleanupRequest,
]);
export type StepRequest = z.infer<typeof StepRequest>;

const ManifestRef = z.strictObject({ path: VolumePath, sha256: Sha256 });
const outputs = z.array(z.strictObject({ name: OutputName, format: z.string().max(8), bytes: z.int().min(0) })).max(16);

export const ConvertResult = z.strictObject({
  stage: z.literal('convert'),
  media: MediaInfo,
  chunks: z.int().min(0).describe('Chunks of the plan; 0 when nothing is to be transcribed, or nothing but silence.'),
  speechMs: z.int().min(0).describe('Sum of all windows.'),
  manifest: ManifestRef,
});
export type ConvertResult = z.infer<typeof ConvertResult>;

export const FinalizeResult = z.strictObject({
  stage: z.literal('finalize'),
  language: z.string().max(16).optional().describe('BCP-47; left out when nobody speaks and none was asked for.'),
  segments: z.int().min(0),
  words: z.int().min(0),
  doubtful: z.int().min(0).describe('Places marked as doubtful: segments, and speech without words.'),
  outputs,
  manifest: ManifestRef,
});
export type FinalizeResult = z.infer<typeof FinalizeResult>;

export const TranscribeResult = z.strictObject({
  stage: z.literal('transcribe'),
  shard: z.int().min(0),
  chunks: z.int().min(0).describe('Chunks of this shard, done now or before.'),
  reused: z.int().min(0).describe('Chunks that an earlier run had already finished.'),
  audioMs: z.int().min(0),
  language: z.string().max(16),
  languageProbability: z.number().min(0).max(1),
  realtimeFactor: z.number().min(0).optional(),
  finalize: FinalizeResult.optional(),
  manifest: ManifestRef,
});
export type TranscribeResult = z.infer<typeof TranscribeResult>;

export const RenderResult = z.strictObject({ stage: z.literal('render'), outputs, manifest: ManifestRef });
export type RenderResult = z.infer<typeof RenderResult>;

export const CleanupResult = z.strictObject({
  stage: z.literal('cleanup'),
  removed: z.int().min(0).describe('Directories removed.'),
});
export type CleanupResult = z.infer<typeof CleanupResult>;

/** At most 2 KiB of JSON: it must fit into a Kubernetes termination message beside a failure. */
export const StepResult = z.discriminatedUnion('stage', [
  ConvertResult,
  TranscribeResult,
  FinalizeResult,
  RenderResult,
  CleanupResult,
]);
export type StepResult = z.infer<typeof StepResult>;
export const STEP_RESULT_MAX_BYTES = 2048;

/** How a step failed: an exit code of the contract, its reason, and a sentence that says what to do next. */
export const StepFailure = z.strictObject({
  exitCode: z.int().min(1).max(255),
  reason: z.enum(FAILURE_REASONS),
  message: z.string().max(1024),
});
export type StepFailure = z.infer<typeof StepFailure>;

/**
 * What a Job prints as its last line and writes to its termination message: at most {@link STEP_OUTCOME_MAX_BYTES}, which
 * is all that Kubernetes keeps.
 */
export const StepOutcome = z.union([
  z.strictObject({ result: StepResult, usage: Usage.optional() }),
  z.strictObject({ failure: StepFailure, usage: Usage.optional() }),
]);
export type StepOutcome = z.infer<typeof StepOutcome>;
export const STEP_OUTCOME_MAX_BYTES = 4096;

/** Progress of a run, for people only: truth about an outcome is its exit code and result. */
export const StepProgress = z.strictObject({
  fraction: z.number().min(0).max(1).describe('Work of this run that is done.'),
  processedMs: z.int().min(0).optional().describe('Audio dealt with so far by this run, in ms.'),
  realtimeFactor: z.number().min(0).optional().describe('Seconds of audio per second.'),
});
export type StepProgress = z.infer<typeof StepProgress>;

/** Body of POST /v1/progress: what a Job's pod tells the operator. The newest report counts; none is ever needed. */
export const ProgressReport = z.strictObject({
  runId: common.runId,
  progress: StepProgress,
  usage: Usage.optional(),
});
export type ProgressReport = z.infer<typeof ProgressReport>;
export const PROGRESS_REPORT_MAX_BYTES = 4096;
