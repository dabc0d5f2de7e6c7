import { open } from 'node:fs/promises';
import { MediaError, storageErrorOf, unsupported } from './errors.js';
import { type FfmpegOptions, runFfmpeg } from './ffmpeg.js';
import { tooLong } from './probe.js';
import { timelineShift } from './timeline.js';
import { assertMono16, readWavFormat, SPEECH_SAMPLE_RATE } from './wav.js';

export interface ExtractOptions {
  audioTrack: number;
  /** Length found by the probe, in ms: what progress is measured against. */
  durationMs: number;
  /** Longer sound is refused. In ms; at most 37 h, where a WAV of 16 kHz ends. */
  maxDurationMs: number;
  ffmpeg: FfmpegOptions;
  signal?: AbortSignal | undefined;
  onProgress?: ((fraction: number) => void) | undefined;
}

const BYTES_PER_MS = (SPEECH_SAMPLE_RATE * 2) / 1000;
/** Rounding of ffmpeg's report against the samples in the file. */
const TOLERANCE_MS = 200;

/**
 * Writes one audio stream as 16 kHz mono 16-bit WAV, in one pass.
 * The start offset of the stream and its gaps become silence (`aresample=async=1:first_pts=0`), so times in the WAV are times in the source.
 *
 * @param input - absolute path
 * @param outputWav - absolute path that is ours alone; overwritten. Left as it is on an error: the caller removes it
 * @returns length in ms and size in bytes of the WAV, verified against its header and ffmpeg's own count
 * @throws MediaError
 */
export async function extractAudio(
  input: string,
  outputWav: string,
  options: ExtractOptions,
): Promise<{ durationMs: number; bytes: number }> {
  const { ffmpeg, signal, durationMs, maxDurationMs, onProgress } = options;
  const shiftMs = await timelineShift(input, options.audioTrack, { ffmpeg, signal });
  const limitSeconds = (maxDurationMs + 1000) / 1000;
  const { progress, messages } = await runFfmpeg(
    {
      input,
      shiftMs,
      decoders: 'audio',
      outputs: [
        {
          target: { file: outputWav },
          options: [
            ...['-map', `0:a:${options.audioTrack}`, '-vn', '-map_metadata', '-1', '-map_chapters', '-1'],
            ...['-af', 'aresample=async=1:first_pts=0', '-ar', String(SPEECH_SAMPLE_RATE), '-ac', '1'],
            ...['-c:a', 'pcm_s16le', '-fflags', '+bitexact', '-t', String(limitSeconds), '-f', 'wav'],
          ],
        },
      ],
    },
    {
      ffmpeg,
      signal,
      hardMs: 120_000 + 4 * durationMs,
      onProgress: ({ outTimeMs }) => onProgress?.(durationMs > 0 ? Math.min(1, outTimeMs / durationMs) : 0),
    },
  );
  const written = await measure(outputWav);
  if (written.durationMs === 0) {
    throw unsupported(
      'nothing-decodes',
      'No sound could be decoded: the file is damaged or encrypted. Try another copy of it.',
      { log: messages },
    );
  }
  if (Math.abs(written.durationMs - progress.outTimeMs) > TOLERANCE_MS || written.missingBytes !== 0) {
    throw new MediaError(
      'storage-error',
      `The converted audio is ${written.durationMs} ms long, but ffmpeg wrote ${progress.outTimeMs} ms. Check the media volume.`,
      { log: messages },
    );
  }
  if (written.durationMs > maxDurationMs) throw tooLong(maxDurationMs);
  return { durationMs: written.durationMs, bytes: written.bytes };
}

async function measure(path: string): Promise<{ durationMs: number; bytes: number; missingBytes: number }> {
  try {
    const file = await open(path, 'r');
    try {
      const format = await readWavFormat(file);
      assertMono16(format);
      return {
        durationMs: Math.floor(format.dataBytes / BYTES_PER_MS),
        bytes: (await file.stat()).size,
        missingBytes: format.declaredBytes - format.dataBytes,
      };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storageErrorOf(error, 'The converted audio');
  }
}
