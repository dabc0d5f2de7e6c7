import type { ConvertRequest, ConvertResult, MediaInfo } from '@mediajob/contract';
import { analyzeWav, extractAudio, ffmpegVersion, peaksOf, planChunks, probe } from '@mediajob/media';
import { admit, removeFile, type VolumeFile, volumeFileOf, withAtomicFile, writeJsonAtomic } from '@mediajob/storage';
import type { StepContext } from './context.js';
import { ffmpegOf } from './ffmpeg-of.js';
import { ProgressMeter } from './progress.js';
import { sourceFingerprint, sourceGone } from './source.js';
import { finishedResult, finishStep } from './step-manifest.js';

/** 16 kHz, mono, 16 bit. */
const WAV_BYTES_PER_SECOND = 32_000;
/** Plan, peaks and manifests of the longest recording. */
const DOCUMENT_BYTES = 4 << 20;

/** Of the whole work: listening for voices takes about twice as long as ffmpeg. */
const PROBED = 0.05;
const EXTRACTED = 0.35;
const HEARD = 0.95;

/**
 * Probes the source; for a transcript also writes audio.wav, peaks.json and plan.json.
 * `inputSha256` of its manifest is the {@link sourceFingerprint}.
 */
export async function convert(request: ConvertRequest, context: StepContext): Promise<ConvertResult> {
  const { volume, signal } = context;
  const fingerprint = await sourceFingerprint(volume, request.source);
  const finished = await finishedResult(context, request, fingerprint);
  if (finished !== undefined) return finished;

  if (fingerprint === undefined) throw sourceGone(request.source);
  const input = await volume.resolveExisting(request.source);
  const ffmpeg = ffmpegOf(context);
  const progress = new ProgressMeter(context);
  const { version } = await ffmpegVersion(ffmpeg);
  const { audioTrack, maxDurationMs } = request;
  const media = await probe(input, { audioTrack, maxDurationMs, ffmpeg, signal });
  progress.report({ fraction: request.transcript ? PROBED : 1 });

  const made = request.transcript
    ? await writeAudio(request, context, { input, media, progress })
    : { chunks: 0, speechMs: 0, files: [] };
  return finishStep(context, request, {
    inputSha256: fingerprint,
    tools: { ffmpeg: version },
    files: made.files,
    result: { stage: 'convert', media, chunks: made.chunks, speechMs: made.speechMs },
  });
}

async function writeAudio(
  request: ConvertRequest,
  context: StepContext,
  { input, media, progress }: { input: string; media: MediaInfo; progress: ProgressMeter },
): Promise<{ chunks: number; speechMs: number; files: VolumeFile[] }> {
  const { volume, signal, reserveBytes } = context;
  const { layout, files } = volume;
  const { jobId, runId, audioTrack, maxDurationMs } = request;
  const ffmpeg = ffmpegOf(context);
  const needed = Math.ceil((media.durationMs / 1000) * WAV_BYTES_PER_SECOND) + DOCUMENT_BYTES;
  await admit(volume, needed, reserveBytes, layout.work(jobId));

  await volume.ensureDirectory(layout.work(jobId));
  // What was detected belongs to the audio that is about to be replaced. Parts know their audio by its checksum.
  await removeFile(volume.resolve(layout.language(jobId)), { files });

  const audio = volume.resolve(layout.audio(jobId));
  const onProgress = progress.between(PROBED, EXTRACTED);
  await withAtomicFile(audio, { runId, files }, (temporary) =>
    extractAudio(input, temporary, {
      audioTrack,
      durationMs: media.durationMs,
      maxDurationMs,
      ffmpeg,
      signal,
      onProgress,
    }),
  );
  const map = await analyzeWav(audio, {
    detector: request.plan.detector ?? 'silero',
    signal,
    onProgress: progress.between(EXTRACTED, HEARD),
  });
  const plan = planChunks(map, request.plan);
  await writeJsonAtomic(volume.resolve(layout.peaks(jobId)), peaksOf(map), { runId, files });
  await writeJsonAtomic(volume.resolve(layout.plan(jobId)), plan, { runId, files });
  progress.report({ fraction: (1 + HEARD) / 2 });

  const written: VolumeFile[] = [];
  for (const path of [layout.audio(jobId), layout.peaks(jobId), layout.plan(jobId)]) {
    written.push(await volumeFileOf(volume, path, { signal }));
  }
  return { chunks: plan.chunks.length, speechMs: plan.speechMs, files: written };
}
