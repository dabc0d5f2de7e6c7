import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Rendition } from '@mediajob/contract';
import { MediaError, storageErrorOf } from './errors.js';
import { type FfmpegOptions, runFfmpeg } from './ffmpeg.js';
import { type Inspection, inspect, walkPackets } from './probe.js';
import { type Recipe, type RenderSubtitles, recipesFor } from './render-choice.js';

export interface RenderOptions {
  audioTrack: number;
  /** Longer media is refused, in ms. */
  maxDurationMs: number;
  ffmpeg: FfmpegOptions;
  signal?: AbortSignal | undefined;
  onProgress?: ((fraction: number) => void) | undefined;
  /** Needed where the rendition asks for subtitles. Without them it is made without: nothing was said. */
  subtitles?: RenderSubtitles | undefined;
}

/**
 * Makes one rendition. Streams are copied where the container takes them, and encoded otherwise; no metadata, chapters or
 * subtitles of the source go along; subtitles of the transcript do where the rendition asks for them.
 * Without a picture in the source, mp4, webm and mkv hold the sound alone.
 *
 * @param input - absolute path
 * @param outputTemp - absolute path that is ours alone; overwritten. Left as it is on an error: the caller removes it
 * @returns size in bytes, after the output was probed: it has the right streams and is as long as it should be
 * @throws MediaError
 */
export async function render(
  input: string,
  outputTemp: string,
  rendition: Rendition,
  options: RenderOptions,
): Promise<{ bytes: number }> {
  const { audioTrack, ffmpeg, signal, maxDurationMs } = options;
  const source = await inspect(input, { audioTrack, ffmpeg, signal, maxDurationMs });
  const threads = ffmpeg.threads ?? availableParallelism();
  const recipes = recipesFor(source, rendition, audioTrack, threads, options.subtitles);
  if (recipes.length === 0) {
    throw new MediaError(
      'unsupported-media',
      `The picture is coded as ${source.videoCodec}, which can be neither shown in ${rendition.format} nor decoded here. Ask for an audio format, or convert the video first.`,
      { problem: 'unknown-codec' },
    );
  }
  for (const [i, recipe] of recipes.entries()) {
    try {
      return await cook(input, outputTemp, source, recipe, threads, options);
    } catch (error) {
      // Copying fails on odd files (packets without times); encoding mends them. What is not about the file is not tried again.
      const odd = error instanceof MediaError && ['failed', 'unsupported-media'].includes(error.code);
      if (!odd || i === recipes.length - 1) throw error;
    }
  }
  throw new MediaError('failed', 'No way to make this rendition was left.');
}

async function cook(
  input: string,
  output: string,
  source: Inspection,
  recipe: Recipe,
  threads: number,
  { ffmpeg, signal, onProgress, subtitles }: RenderOptions,
): Promise<{ bytes: number }> {
  const { durationMs, bytes: sourceBytes } = source.info;
  // Encoding video may run at a fraction of real time on a slow machine; copying reads the file once.
  const hardMs = 120_000 + Math.ceil(sourceBytes / 2048) + (recipe.decodesVideo ? 120 : 8) * durationMs;
  const { progress } = await runFfmpeg(
    {
      input,
      shiftMs: recipe.decodesVideo ? 0 : source.shiftMs,
      decoders: recipe.decodesVideo ? 'audio+video' : 'audio',
      threads,
      subtitles: recipe.subtitles ? subtitles?.srtPath : undefined,
      outputs: [{ target: { file: output }, options: recipe.options, subtitles: recipe.subtitles }],
    },
    {
      ffmpeg,
      signal,
      hardMs,
      onProgress: ({ outTimeMs }) => onProgress?.(durationMs > 0 ? Math.min(1, outTimeMs / durationMs) : 0),
    },
  );
  await verify(output, recipe, progress.outTimeMs, { ffmpeg, signal });
  try {
    return { bytes: (await stat(output)).size };
  } catch (error) {
    throw storageErrorOf(error, 'The rendition');
  }
}

/** Probes what was written: an exit code of 0 proves nothing. */
async function verify(
  output: string,
  recipe: Recipe,
  writtenMs: number,
  options: { ffmpeg: FfmpegOptions; signal?: AbortSignal | undefined },
): Promise<void> {
  const result = await inspect(output, options).catch((error: unknown) => {
    if (error instanceof MediaError && error.code === 'unsupported-media') {
      throw new MediaError('failed', `The rendition cannot be read back: ${error.message}`, { cause: error });
    }
    throw error;
  });
  if (result.info.video !== recipe.video) {
    throw new MediaError('failed', `The rendition came out ${recipe.video ? 'without' : 'with'} a picture.`);
  }
  if (result.subtitleTracks !== (recipe.subtitles ? 1 : 0)) {
    throw new MediaError('failed', `The rendition came out with ${result.subtitleTracks} tracks of subtitles.`);
  }
  const lengthMs = recipe.video
    ? await walkPackets({ input: output, map: '0', bytes: result.info.bytes, shiftMs: result.shiftMs }, options)
    : result.info.durationMs;
  if (Math.abs(lengthMs - writtenMs) > Math.max(1_000, writtenMs * 0.02)) {
    throw new MediaError(
      'failed',
      `The rendition is ${lengthMs} ms long, but ffmpeg wrote ${writtenMs} ms. Check the media volume and try again.`,
    );
  }
}
