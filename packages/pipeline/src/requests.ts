import { hasSubtitles, type MediaJob, type RunKey, runName, type StepRequest, shardChunks } from '@mediajob/contract';
import { chunkTarget } from './chunk-target.js';
import type { PipelinePolicy } from './observed.js';

/** What a request needs to know beyond the spec. */
export interface RequestContext {
  readonly job: MediaJob;
  readonly policy: PipelinePolicy;
  /** Shards of the transcribe stage. */
  readonly shards: number;
  /** Chunks of the plan. */
  readonly chunks: number;
}

/** The payload of a run, from the job alone: a second try asks for the same work under another run id. */
export function stepRequest(key: RunKey, { job, policy, shards, chunks }: RequestContext): StepRequest {
  const { spec } = job;
  const common = { jobId: job.metadata.uid, runId: runName(job.metadata.uid, key) };
  switch (key.stage) {
    case 'convert':
      return {
        stage: 'convert',
        ...common,
        source: sourcePath(job),
        audioTrack: spec.convert.audioTrack,
        transcript: spec.transcribe !== undefined,
        plan: { targetMs: chunkTarget(job, policy).targetMs, windowMs: 30_000 },
        maxDurationMs: policy.maxDurationMs,
      };
    case 'transcribe': {
      const { formats, subtitles } = transcribeOf(job);
      return {
        stage: 'transcribe',
        ...common,
        shard: key.shard,
        chunks: shardChunks(key.shard, shards, chunks),
        ...speechOf(job),
        ...(shards === 1 ? { finalize: { formats, subtitles } } : {}),
      };
    }
    case 'finalize': {
      const { formats, subtitles } = transcribeOf(job);
      return {
        stage: 'finalize',
        ...common,
        ...speechOf(job),
        options: { formats, subtitles },
      };
    }
    case 'render':
      return {
        stage: 'render',
        ...common,
        source: sourcePath(job),
        audioTrack: spec.convert.audioTrack,
        renditions: spec.convert.renditions,
        ...(spec.convert.renditions.some(hasSubtitles) ? { subtitles: transcribeOf(job).subtitles } : {}),
        maxDurationMs: policy.maxDurationMs,
      };
    case 'cleanup':
      return { stage: 'cleanup', ...common };
  }
}

/** What shapes the words; fields that are not given stay out of the request, so that it is the same as before they existed. */
function speechOf(job: MediaJob) {
  const { model, fallbackModel, language, languageMode, task, quality, prompt } = transcribeOf(job);
  return {
    model,
    ...(fallbackModel === undefined ? {} : { fallbackModel }),
    language,
    ...(languageMode === undefined ? {} : { languageMode }),
    task,
    quality,
    ...(prompt === undefined ? {} : { prompt }),
  };
}

function sourcePath(job: MediaJob): string {
  const { path } = job.spec.source;
  // accept.ts lets no other source pass; reaching this is a defect of ours.
  if (path === undefined) throw new TypeError(`job ${job.metadata.uid} has no source.path`);
  return path;
}

function transcribeOf(job: MediaJob) {
  const { transcribe } = job.spec;
  if (transcribe === undefined) throw new TypeError(`job ${job.metadata.uid} asks for no transcript`);
  return transcribe;
}
