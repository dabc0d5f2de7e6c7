import { z } from 'zod';
import { JobId, OutputName, Sha256, UploadId } from './ids.js';
import { DETECTORS, PlanParameters, StageName } from './steps.js';

/** The JSON documents on the media volume. Each carries schemaVersion; a reader refuses one it does not know. */

/** Written last by a step: it is done when this exists, names the same input and parameters, and its files are as it says. */
export const Manifest = z.strictObject({
  schemaVersion: z.literal(1),
  jobId: JobId,
  stage: StageName,
  shard: z.int().min(0).default(0),
  runId: z.string().max(120),
  inputSha256: Sha256.describe('SHA-256 over what the step reads; each step says of what.'),
  parametersSha256: Sha256.describe('SHA-256 of the request without runId, as canonical JSON.'),
  tools: z.record(z.string(), z.string()).describe('Name and version of each tool that had a part in it.'),
  files: z
    .array(z.strictObject({ path: z.string().max(512), bytes: z.int().min(0), sha256: Sha256 }))
    .describe('Paths relative to the volume.'),
  result: z.unknown().describe('The StepResult, without its reference to this manifest.'),
  finishedAt: z.iso.datetime(),
});
export type Manifest = z.infer<typeof Manifest>;

const Ms = z.int().min(0);
/** A piece of audio that is decoded at once; it holds speech and is at most 30 s long. */
export const Window = z.strictObject({ startMs: Ms, endMs: Ms });
export type Window = z.infer<typeof Window>;
/** A run of windows whose result is one file; a retry begins at the first chunk without one. */
export const Chunk = z.strictObject({
  index: z.int().min(0),
  startMs: Ms,
  endMs: Ms,
  windows: z.array(Window),
  speech: z
    .array(Window)
    .optional()
    .describe('Where somebody speaks in it: what is heard is checked against this. Plans of older versions have none.'),
});
export type Chunk = z.infer<typeof Chunk>;
/** work/plan.json. Chunks follow each other without a gap and cover the audio; windows lie inside their chunk, in order, without overlap. */
export const ChunkPlan = z.strictObject({
  schemaVersion: z.literal(1),
  durationMs: Ms,
  speechMs: Ms,
  parameters: PlanParameters,
  detector: z
    .enum(DETECTORS)
    .optional()
    .describe('What told speech from other sounds. energy, also when left out: only how loud it is.'),
  chunks: z.array(Chunk),
});
export type ChunkPlan = z.infer<typeof ChunkPlan>;

/** work/peaks.json: for drawing a waveform. */
export const Peaks = z.strictObject({
  schemaVersion: z.literal(1),
  durationMs: Ms,
  perSecond: z.int().min(1).describe('Values a second.'),
  values: z.array(z.int().min(0).max(255)).describe('Loudest sample of each slot, 0 to 255.'),
});
export type Peaks = z.infer<typeof Peaks>;

/** work/language.json: detected once a file, then re-read by every shard. */
export const DetectedLanguage = z.strictObject({
  schemaVersion: z.literal(1),
  model: z.string(),
  language: z.string().max(8).describe('Whisper’s code.'),
  probability: z.number().min(0).max(1),
  votes: z.array(z.strictObject({ startMs: Ms, language: z.string(), probability: z.number() })),
});
export type DetectedLanguage = z.infer<typeof DetectedLanguage>;

/** Who speaks, as diarization or a channel tells it: SPEAKER_00, or a name that a person gave. */
const Speaker = z.string().min(1).max(64);

export const Word = z.strictObject({
  startMs: Ms,
  endMs: Ms,
  text: z.string(),
  probability: z.number().min(0).max(1),
  speaker: Speaker.optional(),
});
export type Word = z.infer<typeof Word>;

/**
 * Why a place is doubtful: it repeats itself; the model was unsure of its words; it heard no speech there; there is no sound
 * below the words; they are in the letters of another language; somebody speaks and there are no words.
 */
export const DOUBTS = ['repetition', 'low-confidence', 'no-speech', 'no-sound', 'language', 'omission'] as const;
/** A segment as an engine heard it, in absolute ms of the file. Words increase strictly and lie inside the segment. */
export const Segment = z.strictObject({
  startMs: Ms,
  endMs: Ms,
  text: z.string(),
  words: z.array(Word),
  avgLogprob: z.number().describe('Mean natural-log probability of its tokens.'),
  noSpeechProbability: z.number().min(0).max(1),
  compressionRatio: z
    .number()
    .min(0)
    .describe('Bytes of text divided by bytes after zlib; above 2.4 it repeats itself.'),
  temperature: z.number().min(0),
  doubts: z.array(z.enum(DOUBTS)).default([]),
  language: z
    .string()
    .max(8)
    .optional()
    .describe('Whisper’s code, where each chunk has a language of its own; otherwise that of the part.'),
  model: z.string().max(64).optional().describe('Another model than the part’s heard it.'),
  speaker: Speaker.optional().describe('Of all its words that name nobody themselves.'),
});
export type Segment = z.infer<typeof Segment>;

/** work/parts/<chunk>.json */
export const Part = z.strictObject({
  schemaVersion: z.literal(1),
  chunk: z.int().min(0),
  startMs: Ms,
  endMs: Ms,
  keySha256: Sha256.describe(
    'Of everything that shaped it: audio, chunk, model file, language and options. Another key: not our part.',
  ),
  language: z.string().max(8),
  segments: z.array(Segment),
  omissions: z.array(Window).optional().describe('Speech for which no words were found.'),
  engine: z.strictObject({ name: z.string(), version: z.string(), model: z.string() }),
});
export type Part = z.infer<typeof Part>;

/**
 * outputs/<job>/transcript.json: WhisperX's shape (seconds), so that its readers work unchanged; every word always has times.
 * What is ours on top: durationMs, doubts, omissions, model, task, languageProbability, a segment's own language and model.
 */
export const TranscriptWord = z.strictObject({
  word: z.string(),
  start: z.number(),
  end: z.number(),
  score: z.number(),
  speaker: Speaker.optional(),
});
export const TranscriptSegment = z.strictObject({
  start: z.number(),
  end: z.number(),
  text: z.string(),
  avg_logprob: z.number(),
  no_speech_prob: z.number(),
  words: z.array(TranscriptWord),
  speaker: Speaker.optional(),
  doubts: z.array(z.enum(DOUBTS)).optional().describe('Why it is doubtful.'),
  language: z.string().max(16).optional().describe('BCP-47; given where each chunk has a language of its own.'),
  model: z.string().optional().describe('Another model than the transcript’s heard it, since it had been doubtful.'),
});
export const TranscriptOmission = z.strictObject({ start: z.number(), end: z.number() });
export type TranscriptOmission = z.infer<typeof TranscriptOmission>;
export const Transcript = z.strictObject({
  schemaVersion: z.literal(1),
  language: z.string().max(16).describe('BCP-47'),
  languageProbability: z.number().min(0).max(1),
  task: z.enum(['transcribe', 'translate']),
  model: z.string(),
  durationMs: Ms,
  omissions: z
    .array(TranscriptOmission)
    .optional()
    .describe('Where somebody speaks, in seconds, and no words were found; left out when there is no such place.'),
  segments: z.array(TranscriptSegment),
  word_segments: z.array(TranscriptWord),
});
export type Transcript = z.infer<typeof Transcript>;
export type TranscriptSegment = z.infer<typeof TranscriptSegment>;
export type TranscriptWord = z.infer<typeof TranscriptWord>;

/** uploads/<id>/upload.json: an upload has a life of its own. */
export const UploadInfo = z.strictObject({
  schemaVersion: z.literal(1),
  id: UploadId,
  fileName: z.string().max(255).describe('As the person’s machine calls it: data, never a path.'),
  bytes: Ms.describe('Declared length; 0 while it is deferred.'),
  lengthDeferred: z.literal(true).optional().describe('The length is not known yet, so the upload is not complete.'),
  createdAt: z.iso.datetime(),
  completedAt: z.iso.datetime().optional(),
  sha256: Sha256.optional().describe('Of the complete file.'),
  mediaType: z.string().max(127).optional().describe('As sniffed from its first bytes.'),
  metadata: z.record(z.string(), z.string().nullable()).default({}),
});
export type UploadInfo = z.infer<typeof UploadInfo>;

/** One output as a manifest and the API list it. */
export const OutputFile = z.strictObject({ name: OutputName, format: z.string(), bytes: Ms, mediaType: z.string() });
export type OutputFile = z.infer<typeof OutputFile>;
