import { type Chunk, DetectedLanguage, type WhisperLanguage, type Window, whisperLanguageOf } from '@mediajob/contract';
import { type Engine, languageOfChunk, languageWindows, voteLanguage } from '@mediajob/speech';
import { AlreadyExistsError, DocumentError, readJsonIfExists, writeJsonAtomic } from '@mediajob/storage';
import type { StepContext } from './context.js';
import type { JobAudio } from './job-audio.js';

/** Windows that vote: enough to outvote music or a foreign quotation, few enough to cost little. */
const VOTERS = 5;

export interface SpokenLanguage {
  language: WhisperLanguage;
  probability: number;
}

/** What a shard of this job has already published, or undefined. A damaged document counts as none. */
export async function publishedLanguage(context: StepContext, jobId: string): Promise<SpokenLanguage | undefined> {
  const { volume, log } = context;
  const path = volume.resolve(volume.layout.language(jobId));
  const found = await readJsonIfExists(path, DetectedLanguage).catch((error: unknown) => {
    if (!(error instanceof DocumentError)) throw error;
    log.warn({ path, why: error.message }, 'the detected language cannot be read; it is detected again');
    return undefined;
  });
  const language = found && whisperLanguageOf(found.language);
  return language && { language, probability: found.probability };
}

/**
 * Detects the language of the whole file and publishes it for all shards. Of several shards at once the first one
 * decides, and the others take what it found: one file, one language.
 */
export async function detectLanguage(
  context: StepContext,
  request: { jobId: string; runId: string; model: string },
  audio: JobAudio,
  engine: Engine,
): Promise<SpokenLanguage> {
  const { volume, signal } = context;
  const vote = voteLanguage(await ballotsOf(audio, languageWindows(audio.plan, VOTERS), engine, signal));
  const document = DetectedLanguage.parse({ schemaVersion: 1, model: request.model, ...vote });
  const options = { runId: request.runId, files: volume.files };
  const path = volume.resolve(volume.layout.language(request.jobId));
  try {
    await writeJsonAtomic(path, document, { ...options, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
    const first = await publishedLanguage(context, request.jobId);
    if (first !== undefined) return first;
    // What is there cannot be read: it must not stay.
    await writeJsonAtomic(path, document, options);
  }
  return { language: whisperLanguageOf(vote.language) ?? 'en', probability: vote.probability };
}

/** Windows of a chunk that vote: two or three are all it has when recordings of mixed languages are cut. */
const VOTERS_OF_CHUNK = 3;

/** The language of a chunk of its own; `otherwise` when it does not know. The same chunk always gives the same. */
export async function chunkLanguage(
  audio: JobAudio,
  chunk: Chunk,
  engine: Engine,
  { otherwise, signal }: { otherwise: WhisperLanguage; signal: AbortSignal },
): Promise<WhisperLanguage> {
  const windows = languageWindows({ ...audio.plan, chunks: [chunk] }, VOTERS_OF_CHUNK);
  const found = languageOfChunk(await ballotsOf(audio, windows, engine, signal), otherwise);
  return whisperLanguageOf(found) ?? otherwise;
}

function ballotsOf({ wavPath }: JobAudio, windows: readonly Window[], engine: Engine, signal: AbortSignal) {
  return Promise.all(
    windows.map(async ({ startMs, endMs }) => ({
      ...{ startMs, endMs },
      candidates: await engine.detectLanguage({ wavPath, startMs, endMs }, { signal }),
    })),
  );
}
