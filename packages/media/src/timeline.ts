import { open } from 'node:fs/promises';
import { MediaError, storageErrorOf } from './errors.js';
import { type FfmpegOptions, runFfmpeg } from './ffmpeg.js';
import { earliestPtsMs, parseInputDescription } from './stream-info.js';

const EBML = Buffer.from([0x1a, 0x45, 0xdf, 0xa3]);

/**
 * How much too late ffmpeg believes a Matroska or WebM file to begin, in ms; 0 for other files.
 *
 * ffmpeg begins at the earliest stream, but with its video decoders locked away it does not learn when H.264 in Matroska begins
 * (Matroska stores no decoding times), and then moves sound that starts late to the front. So the first packets are asked here.
 * Other containers tell it in their headers or packets (measured: MP4, MOV, AVI, FLV, ASF, MPEG-TS, MPEG-PS).
 * Holds for calls with audio decoders only.
 */
export async function timelineShift(
  input: string,
  audioTrack: number,
  options: { ffmpeg: FfmpegOptions; signal?: AbortSignal | undefined },
): Promise<number> {
  if (!(await isMatroska(input))) return 0;
  try {
    const { stdout, messages } = await runFfmpeg(
      {
        input,
        rawTimestamps: true,
        decoders: 'audio',
        logLevel: 'info',
        outputs: [
          {
            target: 'stdout',
            options: [
              ...['-map', `0:a:${audioTrack}`, '-map', '0:V:0?', '-c', 'copy', '-frames:a', '1', '-frames:v', '1'],
              ...['-f', 'framehash', '-hash', 'crc32'],
            ],
          },
        ],
      },
      { ...options, hardMs: 120_000 },
    );
    const begins = earliestPtsMs(stdout);
    const believed = parseInputDescription(messages).startMs;
    return begins === undefined || believed === undefined ? 0 : Math.max(0, believed - begins);
  } catch (error) {
    // What is wrong with the file is for the probe to say.
    if (error instanceof MediaError && ['failed', 'unsupported-media'].includes(error.code)) return 0;
    throw error;
  }
}

async function isMatroska(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const head = Buffer.alloc(4);
      await file.read(head, 0, 4, 0);
      return head.equals(EBML);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storageErrorOf(error, 'The media file');
  }
}
