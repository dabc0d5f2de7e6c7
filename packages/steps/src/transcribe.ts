import { bcp47Of, type Chunk, type TranscribeRequest, type TranscribeResult } from '@mediajob/contract';
import { decodingOptions, type Engine } from '@mediajob/speech';
import { sha256OfJson } from '@mediajob/storage';
import type { StepContext } from './context.js';
import type { EngineLease, EnginePool } from './engine-pool.js';
import { stepError } from './failure.js';
import { FallbackModel } from './fallback-model.js';
import { finalize } from './finalize.js';
import { type JobAudio, jobAudio } from './job-audio.js';
import { detectLanguage, publishedLanguage, type SpokenLanguage } from './language.js';
import { ShardWork } from './shard-work.js';
import { chooseSpeech } from './speech-choice.js';
import { finishedResult, finishStep } from './step-manifest.js';

/**
 * Decodes the chunks of one shard, one part a chunk, and finalizes when it is the only shard.
 * Parts that an earlier run finished are kept. `inputSha256` of its manifest is over the checksums of audio and plan.
 */
export async function transcribe(request: TranscribeRequest, context: StepContext): Promise<TranscribeResult> {
  const choice = chooseSpeech(request);
  const larger = new FallbackModel(request, context);
  const { volume } = context;
  const audio = await jobAudio(volume, request.jobId);
  const inputSha256 = sha256OfJson({ audio: audio.sha256, plan: audio.planSha256 });
  const finished = await finishedResult(context, request, inputSha256);
  if (finished !== undefined) {
    // Its own manifest says whether the outputs are still as they were.
    return request.finalize === undefined ? finished : { ...finished, finalize: await finalizeHere(request, context) };
  }

  const chunks = chunksOf(request, audio);
  const engines = enginesOf(context);
  await volume.ensureDirectory(volume.layout.parts(request.jobId));
  const { modelSha256 } = await engines.identify(request.model);
  // Loading a model takes seconds: only when there is something to decode or to detect.
  let lease: EngineLease | undefined;
  const engine = async (): Promise<Engine> => {
    lease ??= await engines.acquire(request.model, { signal: context.signal });
    // Parts carry the model that they were made with.
    if (lease.modelSha256 !== modelSha256) {
      throw stepError(
        'Temporary',
        `The model ${request.model} was installed anew just now. It is tried again with it.`,
      );
    }
    return lease.engine;
  };
  try {
    const spoken: SpokenLanguage =
      choice.language === undefined
        ? ((await publishedLanguage(context, request.jobId)) ??
          (await detectLanguage(context, request, audio, await engine())))
        : { language: choice.language, probability: 1 };
    const shape = {
      audioSha256: audio.sha256,
      modelSha256,
      language:
        request.languageMode === 'perChunk' && choice.language === undefined ? ('auto' as const) : spoken.language,
      task: request.task,
      prompt: request.prompt,
      ...(request.fallbackModel !== undefined && { fallbackModel: request.fallbackModel }),
      options: decodingOptions(request.quality),
    };
    const shard = new ShardWork(request, context, audio, shape, {
      language: spoken.language,
      fallback: larger.acquire,
    });
    await shard.takeFinished(chunks);
    await shard.decode(engine);
    const tools: Record<string, string> = { [`model ${request.model}`]: modelSha256 };
    if (lease !== undefined) tools[lease.engine.info.name] = lease.engine.info.version;
    return await finishStep(context, request, {
      inputSha256,
      tools,
      files: shard.files(),
      result: {
        stage: 'transcribe',
        shard: request.shard,
        chunks: chunks.length,
        reused: shard.reused,
        audioMs: shard.audioMs,
        language: bcp47Of(spoken.language),
        languageProbability: spoken.probability,
        ...(shard.realtimeFactor === undefined ? {} : { realtimeFactor: shard.realtimeFactor }),
        ...(request.finalize === undefined ? {} : { finalize: await finalizeHere(request, context) }),
      },
    });
  } finally {
    larger.release();
    lease?.release();
  }
}

function finalizeHere(request: TranscribeRequest, context: StepContext) {
  const {
    jobId,
    runId,
    model,
    fallbackModel,
    language,
    languageMode,
    task,
    quality,
    prompt,
    finalize: options,
  } = request;
  if (options === undefined) throw stepError('Internal', 'finalize was not asked for.');
  return finalize(
    {
      stage: 'finalize',
      jobId,
      runId,
      model,
      ...(fallbackModel === undefined ? {} : { fallbackModel }),
      language,
      ...(languageMode === undefined ? {} : { languageMode }),
      task,
      quality,
      ...(prompt === undefined ? {} : { prompt }),
      options,
    },
    // It takes a moment; the progress of this run is that of its decoding.
    { ...context, progress: () => undefined },
  );
}

function chunksOf(request: TranscribeRequest, audio: JobAudio): Chunk[] {
  const { from, to } = request.chunks;
  if (from > to || to > audio.plan.chunks.length) {
    throw stepError(
      'InvalidArguments',
      `Chunks ${from} to ${to} were asked for, but the plan has ${audio.plan.chunks.length}.`,
    );
  }
  return audio.plan.chunks.slice(from, to);
}

function enginesOf(context: StepContext): EnginePool {
  if (context.engines === undefined) throw stepError('Internal', 'This service is not set up to transcribe.');
  return context.engines;
}
