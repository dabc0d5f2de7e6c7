import { createHash } from 'node:crypto';
import {
  bcp47Of,
  type FinalizeRequest,
  type FinalizeResult,
  Part,
  type Segment,
  type TextFormat,
  type WhisperLanguage,
  whisperLanguageOf,
} from '@mediajob/contract';
import { documentOf, PartMerge } from '@mediajob/speech';
import { parseDocument, readText, sha256Of, sha256OfJson, type VolumeFile, writeStreamAtomic } from '@mediajob/storage';
import type { StepContext } from './context.js';
import { stepError } from './failure.js';
import { type JobAudio, jobAudio } from './job-audio.js';
import { publishedLanguage } from './language.js';
import { ProgressMeter } from './progress.js';
import { chooseSpeech } from './speech-choice.js';
import { finishedResult, finishStep } from './step-manifest.js';

/**
 * Merges the parts of all shards into a transcript and writes it in every format asked for, and always as JSON.
 * `inputSha256` of its manifest is over the checksums of audio, plan and parts. A recording without speech gives an
 * empty transcript, which is as valid as any. However long it is, one part at a time is in memory.
 */
export async function finalize(request: FinalizeRequest, context: StepContext): Promise<FinalizeResult> {
  const { volume } = context;
  const { language: chosen } = chooseSpeech(request);
  const audio = await jobAudio(volume, request.jobId);
  const parts = await checkParts(context, request.jobId, audio);
  const inputSha256 = sha256OfJson({
    audio: audio.sha256,
    plan: audio.planSha256,
    parts: parts.map((it) => it.sha256),
  });
  const finished = await finishedResult(context, request, inputSha256);
  if (finished !== undefined) return finished;

  const progress = new ProgressMeter(context);
  // A recording without any speech has no language to detect: English with probability 0, as the vote says.
  const language = chosen ?? mostSpoken(parts) ?? 'en';
  const languageProbability =
    chosen === undefined ? ((await publishedLanguage(context, request.jobId))?.probability ?? 0) : 1;
  const { task, model } = request;
  const { durationMs } = audio.plan;
  let counts = NOTHING;
  const source = {
    head: {
      language,
      languageProbability,
      task,
      model,
      durationMs,
      omissions: parts.flatMap((it) => it.omissions ?? []),
    },
    rules: request.options.subtitles,
    async *segments() {
      counts = NOTHING;
      for await (const segments of mergedParts(context, audio, parts)) {
        counts = plus(counts, segments);
        yield segments;
      }
    },
  };

  await volume.ensureDirectory(volume.layout.outputs(request.jobId));
  const files: VolumeFile[] = [];
  const outputs: FinalizeResult['outputs'] = [];
  // JSON is what the page and every later step read: always written, and first.
  const formats = [...new Set<TextFormat>(['json', ...request.options.formats])];
  for (const [index, format] of formats.entries()) {
    const name = `transcript.${format}`;
    const path = volume.layout.output(request.jobId, name);
    const hash = createHash('sha256');
    const pieces = hashed(documentOf(format, source), hash);
    const bytes = await writeStreamAtomic(volume.resolve(path), pieces, { runId: request.runId, files: volume.files });
    files.push({ path, bytes, sha256: hash.digest('hex') });
    outputs.push({ name, format, bytes });
    progress.report({ fraction: (index + 1) / formats.length });
  }
  return finishStep(context, request, {
    inputSha256,
    tools: Object.fromEntries(parts.map(({ engine }) => [engine.name, engine.version])),
    files,
    result: {
      stage: 'finalize',
      ...((chosen !== undefined || parts.length > 0) && {
        language: task === 'translate' ? 'en' : bcp47Of(language),
      }),
      ...counts,
      doubtful: counts.doubtful + source.head.omissions.length,
      outputs,
    },
  });
}

/** What is remembered of a part: a day of speech has hundreds of them. */
interface CheckedPart extends Pick<Part, 'language' | 'engine' | 'omissions'> {
  /** Words heard in it. */
  words: number;
  path: string;
  sha256: string;
}

/** The language with most words; all parts have the same one unless each chunk has its own. Of equals the first. */
function mostSpoken(parts: readonly CheckedPart[]): WhisperLanguage | undefined {
  const words = new Map<string, number>();
  for (const part of parts) words.set(part.language, (words.get(part.language) ?? 0) + part.words);
  const [first] = [...words].toSorted(([, a], [, b]) => b - a);
  return first && whisperLanguageOf(first[0]);
}

/** All parts in the order of their chunks, each checked against the plan. */
async function checkParts(context: StepContext, jobId: string, { plan }: JobAudio): Promise<CheckedPart[]> {
  const { volume, signal } = context;
  const parts: CheckedPart[] = [];
  for (const chunk of plan.chunks) {
    signal.throwIfAborted();
    const path = volume.layout.part(jobId, chunk.index);
    const text = await readText(await volume.resolveExisting(path));
    const part = parseDocument(path, text, Part);
    if (part.chunk !== chunk.index || part.startMs !== chunk.startMs || part.endMs !== chunk.endMs) {
      throw stepError('StorageError', `${path} belongs to another plan. Retry the job: it is transcribed again.`);
    }
    const { language, engine, omissions, segments } = part;
    const words = segments.reduce((sum, it) => sum + it.words.length, 0);
    parts.push({ path, sha256: sha256Of(text), language, engine, omissions, words });
  }
  return parts;
}

/** The segments of one part after the other. */
async function* mergedParts(
  { volume, signal }: StepContext,
  { plan }: JobAudio,
  parts: readonly CheckedPart[],
): AsyncGenerator<Segment[]> {
  const merge = new PartMerge();
  for (const [index, chunk] of plan.chunks.entries()) {
    signal.throwIfAborted();
    const { path, sha256 } = parts[index] as CheckedPart;
    const text = await readText(await volume.resolveExisting(path));
    if (sha256Of(text) !== sha256) {
      throw stepError(
        'Temporary',
        `${path} was written anew while it was read. It is finished again with the new one.`,
      );
    }
    // The same bytes as those that were checked.
    yield merge.add(JSON.parse(text) as Part, chunk);
  }
}

const NOTHING: Pick<FinalizeResult, 'segments' | 'words' | 'doubtful'> = { segments: 0, words: 0, doubtful: 0 };

function plus(counts: typeof NOTHING, segments: readonly Segment[]): typeof NOTHING {
  return {
    segments: counts.segments + segments.length,
    words: counts.words + segments.reduce((sum, it) => sum + it.words.length, 0),
    doubtful: counts.doubtful + segments.filter((it) => it.doubts.length > 0).length,
  };
}

async function* hashed(pieces: AsyncIterable<Buffer>, hash: { update(bytes: Buffer): unknown }) {
  for await (const bytes of pieces) {
    hash.update(bytes);
    yield bytes;
  }
}
