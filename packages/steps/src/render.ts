import {
  ConvertResult,
  hasSubtitles,
  Manifest,
  type MediaInfo,
  type RenderRequest,
  type RenderResult,
  type Rendition,
  renditionFileName,
  VIDEO_RENDITION_FORMATS,
} from '@mediajob/contract';
import { ffmpegVersion, probe, render as renderFile } from '@mediajob/media';
import {
  admit,
  DocumentError,
  InputNotFoundError,
  readJson,
  readManifest,
  sha256OfJson,
  type VolumeFile,
  verifyManifest,
  volumeFileOf,
  withAtomicFile,
  writeManifest,
} from '@mediajob/storage';
import type { StepContext } from './context.js';
import { stepError } from './failure.js';
import { ffmpegOf } from './ffmpeg-of.js';
import { ProgressMeter } from './progress.js';
import { RenditionSubtitles } from './rendition-subtitles.js';
import { sourceFingerprint, sourceGone } from './source.js';
import { finishedResult, finishStep } from './step-manifest.js';

/**
 * Makes each rendition of outputs/<job>/ that an earlier run has not finished.
 * `inputSha256` of its manifest is the {@link sourceFingerprint}, and of renditions with subtitles also of the transcript.
 */
export async function render(request: RenderRequest, context: StepContext): Promise<RenderResult> {
  const { volume, signal } = context;
  const fingerprint = await sourceFingerprint(volume, request.source);
  const subtitles = await RenditionSubtitles.find(request, context);
  const subtitled = request.renditions.some(hasSubtitles);
  const withText =
    fingerprint && (subtitles ? sha256OfJson({ source: fingerprint, transcript: subtitles.sha256 }) : undefined);
  const inputSha256 = subtitled ? withText : fingerprint;
  const finished = await finishedResult(context, request, inputSha256);
  if (finished !== undefined) return finished;

  if (fingerprint === undefined) throw sourceGone(request.source);
  if (inputSha256 === undefined) {
    throw stepError('InputNotFound', 'There is no transcript to take subtitles from. Retry the job: it is made again.');
  }
  const input = await volume.resolveExisting(request.source);
  const ffmpeg = ffmpegOf(context);
  const { version } = await ffmpegVersion(ffmpeg);
  const progress = new ProgressMeter(context);
  const media = await mediaInfo(request, context, input);
  await volume.ensureDirectory(volume.layout.outputs(request.jobId));
  await volume.ensureDirectory(volume.layout.work(request.jobId));

  const said = await subtitles?.files();
  const files: VolumeFile[] = [];
  const share = 1 / request.renditions.length;
  for (const [index, rendition] of request.renditions.entries()) {
    const note = new RenditionNote(
      request,
      context,
      rendition,
      index,
      hasSubtitles(rendition) ? inputSha256 : fingerprint,
    );
    let file = await note.read();
    if (file === undefined) {
      const path = volume.layout.output(request.jobId, renditionFileName(rendition));
      await admit(volume, estimatedBytes(rendition, media), context.reserveBytes, path);
      const { audioTrack, maxDurationMs } = request;
      if (rendition.subtitles === 'burn' && media.video && said !== undefined) await subtitles?.checkFonts(input);
      const onProgress = progress.between(index * share, (index + 1) * share);
      await withAtomicFile(volume.resolve(path), { runId: request.runId, files: volume.files }, (temporary) =>
        renderFile(input, temporary, rendition, {
          ...{ audioTrack, maxDurationMs, ffmpeg, signal, onProgress, subtitles: said },
        }),
      );
      file = await volumeFileOf(volume, path, { signal });
      await note.write(file, { ffmpeg: version });
    }
    files.push(file);
    progress.report({ fraction: (index + 1) * share });
  }
  return finishStep(context, request, {
    inputSha256,
    tools: { ffmpeg: version },
    files,
    result: {
      stage: 'render',
      outputs: files.map((file, index) => ({
        name: file.path.slice(file.path.lastIndexOf('/') + 1),
        format: request.renditions[index]?.format ?? '',
        bytes: file.bytes,
      })),
    },
  });
}

/** A manifest of one rendition: hours of encoding are not done again because the next rendition failed. */
class RenditionNote {
  readonly #context: StepContext;
  readonly #path: string;
  readonly #manifest: Omit<Manifest, 'tools' | 'files' | 'finishedAt'>;

  constructor(request: RenderRequest, context: StepContext, rendition: Rendition, index: number, inputSha256: string) {
    this.#context = context;
    const name = renditionFileName(rendition);
    this.#path = `${context.volume.layout.work(request.jobId)}/render-${name}.manifest.json`;
    const { jobId, runId, audioTrack, maxDurationMs } = request;
    this.#manifest = {
      schemaVersion: 1,
      jobId,
      stage: 'render',
      shard: index,
      runId,
      inputSha256,
      parametersSha256: sha256OfJson({
        ...{ rendition, audioTrack, maxDurationMs },
        ...(hasSubtitles(rendition) && { subtitles: request.subtitles }),
      }),
      result: null,
    };
  }

  async read(): Promise<VolumeFile | undefined> {
    const { volume, signal } = this.#context;
    try {
      const manifest = (await readManifest(volume, this.#path))?.manifest;
      const same =
        manifest?.inputSha256 === this.#manifest.inputSha256 &&
        manifest.parametersSha256 === this.#manifest.parametersSha256;
      if (!same || !(await verifyManifest(volume, manifest, { signal })).ok) return undefined;
      return manifest.files[0];
    } catch (error) {
      if (error instanceof DocumentError) return undefined;
      throw error;
    }
  }

  async write(file: VolumeFile, tools: Record<string, string>): Promise<void> {
    const finishedAt = this.#context.now().toISOString();
    await writeManifest(this.#context.volume, this.#path, { ...this.#manifest, tools, files: [file], finishedAt });
  }
}

/** As the convert step found it: counting the packets of a large file twice takes as long as reading it twice. */
async function mediaInfo(request: RenderRequest, context: StepContext, input: string): Promise<MediaInfo> {
  const { volume, signal } = context;
  try {
    const path = await volume.resolveExisting(volume.layout.stepManifest(request.jobId, 'convert'));
    const { result } = await readJson(path, Manifest);
    const known = ConvertResult.shape.media.safeParse((result as { media?: unknown }).media);
    if (known.success) return known.data;
  } catch (error) {
    if (!(error instanceof InputNotFoundError || error instanceof DocumentError)) throw error;
  }
  const { audioTrack, maxDurationMs } = request;
  return probe(input, { audioTrack, maxDurationMs, ffmpeg: ffmpegOf(context), signal });
}

/** Usual rate of a lossy rendition when none is asked for, generously. */
const LOSSY_BITS_PER_SECOND = 256_000;

/** About as many bytes as a rendition will have, rather too many than too few. */
export function estimatedBytes(rendition: Rendition, media: MediaInfo): number {
  const seconds = media.durationMs / 1000;
  if (rendition.format === 'wav' || rendition.format === 'flac') {
    const pcm = seconds * Math.max(media.sampleRate, 16_000) * Math.max(media.channels, 1) * 2;
    return Math.ceil(pcm) + (1 << 16);
  }
  const audio = Math.ceil((seconds * (rendition.audioBitrate ?? LOSSY_BITS_PER_SECOND)) / 8) + (1 << 16);
  // Copied or encoded, a picture rarely becomes larger than its source.
  return media.video && VIDEO_RENDITION_FORMATS.includes(rendition.format) ? audio + media.bytes : audio;
}
