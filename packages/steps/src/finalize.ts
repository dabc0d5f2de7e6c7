import {
  type FinalizeRequest,
  type FinalizeResult,
  Part,
  type Segment,
  type TextFormat,
  whisperLanguageOf,
} from '@mediajob/contract';
import { cuesOf, mergeParts, transcriptOf, write } from '@mediajob/speech';
import { parseDocument, readText, sha256Of, sha256OfJson, type VolumeFile, writeFileAtomic } from '@mediajob/storage';
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
 * empty transcript, which is as valid as any.
 */
export async function finalize(request: FinalizeRequest, context: StepContext): Promise<FinalizeResult> {
  const { volume } = context;
  const { language: chosen } = chooseSpeech(request);
  const audio = await jobAudio(volume, request.jobId);
  const parts = await readParts(context, request.jobId, audio);
  const inputSha256 = sha256OfJson({
    audio: audio.sha256,
    plan: audio.planSha256,
    parts: parts.map((it) => it.sha256),
  });
  const finished = await finishedResult(context, request, inputSha256);
  if (finished !== undefined) return finished;

  const progress = new ProgressMeter(context);
  const segments: Segment[] = mergeParts(
    parts.map((it) => it.part),
    audio.plan,
  );
  progress.report({ fraction: 0.5 });
  // A recording without any speech has no language to detect: English with probability 0, as the vote says.
  const language = chosen ?? languageOfParts(parts.map((it) => it.part)) ?? 'en';
  const languageProbability =
    chosen === undefined ? ((await publishedLanguage(context, request.jobId))?.probability ?? 0) : 1;
  const { task, model } = request;
  const { durationMs } = audio.plan;
  const transcript = transcriptOf({ segments, language, languageProbability, task, model, durationMs });
  const cues = cuesOf(segments, request.options.subtitles, task === 'translate' ? 'en' : language);

  await volume.ensureDirectory(volume.layout.outputs(request.jobId));
  const files: VolumeFile[] = [];
  const outputs: FinalizeResult['outputs'] = [];
  // JSON is what the page and every later step read: always written, and first.
  const formats = [...new Set<TextFormat>(['json', ...request.options.formats])];
  for (const [index, format] of formats.entries()) {
    context.signal.throwIfAborted();
    const name = `transcript.${format}`;
    const path = volume.layout.output(request.jobId, name);
    const text = write(format, { transcript, segments, cues });
    await writeFileAtomic(volume.resolve(path), text, { runId: request.runId, files: volume.files });
    const bytes = Buffer.byteLength(text);
    files.push({ path, bytes, sha256: sha256Of(text) });
    outputs.push({ name, format, bytes });
    progress.report({ fraction: 0.5 + (index + 1) / formats.length / 2 });
  }
  return finishStep(context, request, {
    inputSha256,
    tools: Object.fromEntries(parts.map(({ part }) => [part.engine.name, part.engine.version])),
    files,
    result: {
      stage: 'finalize',
      language: transcript.language,
      segments: transcript.segments.length,
      words: transcript.word_segments.length,
      doubtful: segments.filter((it) => it.doubts.length > 0).length,
      outputs,
    },
  });
}

interface StoredPart {
  part: Part;
  sha256: string;
}

/** All parts in the order of their chunks, each checked against the plan. */
async function readParts(context: StepContext, jobId: string, { plan }: JobAudio): Promise<StoredPart[]> {
  const { volume, signal } = context;
  const parts: StoredPart[] = [];
  for (const chunk of plan.chunks) {
    signal.throwIfAborted();
    const path = volume.layout.part(jobId, chunk.index);
    const text = await readText(await volume.resolveExisting(path));
    const part = parseDocument(path, text, Part);
    if (part.chunk !== chunk.index || part.startMs !== chunk.startMs || part.endMs !== chunk.endMs) {
      throw stepError('StorageError', `${path} belongs to another plan. Retry the job: it is transcribed again.`);
    }
    parts.push({ part, sha256: sha256Of(text) });
  }
  return parts;
}

function languageOfParts(parts: readonly Part[]) {
  return parts[0] === undefined ? undefined : whisperLanguageOf(parts[0].language);
}
