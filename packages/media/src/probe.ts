import type { MediaInfo } from '@mediajob/contract';
import { MediaError, storageErrorOf, unsupported } from './errors.js';
import { type FfmpegOptions, runFfmpeg } from './ffmpeg.js';
import { protectionOfMp4 } from './mp4-encryption.js';
import { refuseWhatIsNoMedia } from './sniff.js';
import { type AudioStream, type InputDescription, parseFrameHash, parseInputDescription } from './stream-info.js';
import { timelineShift } from './timeline.js';
import { declaredDuration, truncation } from './truncation.js';
import { isKnownAudioCodec } from './whitelists.js';

export interface ProbeOptions {
  /** Which audio stream, counted from 0; the first when left out. */
  audioTrack?: number;
  /** Longer sound is refused. In ms; no limit when left out. */
  maxDurationMs?: number;
  ffmpeg: FfmpegOptions;
  signal?: AbortSignal | undefined;
}

/** What the probe knows beyond MediaInfo. */
export interface Inspection {
  info: MediaInfo;
  audio: AudioStream;
  /** Codec of the moving picture, by ffmpeg's name. */
  videoCodec: string | undefined;
  subtitleTracks: number;
  /** See {@link timelineShift}. */
  shiftMs: number;
}

/**
 * Finds out what a file is and how long its sound really is, without decoding: packets are copied to nowhere and counted,
 * so a header that lies about the length does no harm; a file of sound that lacks more than half of what its header
 * promises is refused. A start offset of the sound counts into the length.
 *
 * @param input - absolute path
 * @throws MediaError; `unsupported-media` with a `problem` that says what is wrong with the file
 */
export async function probe(input: string, options: ProbeOptions): Promise<MediaInfo> {
  return (await inspect(input, options)).info;
}

/** {@link probe}, with what rendering needs besides. */
export async function inspect(input: string, options: ProbeOptions): Promise<Inspection> {
  const { ffmpeg, signal } = options;
  const track = options.audioTrack ?? 0;
  const bytes = await refuseWhatIsNoMedia(input);
  const shiftMs = await timelineShift(input, track, { ffmpeg, signal });
  const { description, audio } = await describe({ input, track, bytes, shiftMs }, options);

  if (description.container.startsWith('mov,')) {
    const protection = await protectionOfMp4(input).catch((error: unknown) => {
      throw storageErrorOf(error, 'The media file');
    });
    if (protection !== undefined) {
      throw unsupported(
        'encrypted',
        `The sound is encrypted (${protection}): a copy protection keeps it from being read. Give an unprotected copy.`,
      );
    }
  }
  if (!isKnownAudioCodec(audio.codec)) {
    throw unsupported(
      'unknown-codec',
      `The sound is coded as ${audio.codec}, which is not accepted. Convert it to MP3, AAC, FLAC or WAV first.`,
    );
  }

  const durationMs = await walkPackets({ input, map: `0:a:${track}`, bytes, shiftMs }, { ffmpeg, signal });
  if (durationMs === 0) {
    throw unsupported('no-audio', 'The file names a sound track, but there is no sound in it. Try another copy of it.');
  }
  const tooLittle = truncation(await declaredDuration(input, description), durationMs);
  if (tooLittle !== undefined) throw tooLittle;
  if (options.maxDurationMs !== undefined && durationMs > options.maxDurationMs) throw tooLong(options.maxDurationMs);
  return {
    info: {
      durationMs,
      container: description.container.slice(0, 64),
      audioCodec: audio.codec,
      sampleRate: audio.sampleRate,
      channels: audio.channels,
      audioTracks: description.audioTracks,
      video: description.videoCodec !== undefined,
      bytes,
    },
    audio,
    videoCodec: description.videoCodec,
    subtitleTracks: description.subtitleTracks,
    shiftMs,
  };
}

/** The refusal of sound that is longer than `maxDurationMs`. */
export function tooLong(maxDurationMs: number): MediaError {
  return unsupported(
    'too-long',
    `The recording is longer than ${hours(maxDurationMs)}, the longest that is accepted here. Split it, or ask the administrator to raise the limit.`,
  );
}

function hours(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return ms < 3_600_000
    ? `${minutes} min ${Math.round((ms % 60_000) / 1000)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

async function describe(
  { input, track, bytes, shiftMs }: { input: string; track: number; bytes: number; shiftMs: number },
  { ffmpeg, signal }: ProbeOptions,
): Promise<{ description: InputDescription; audio: AudioStream }> {
  const map = ['-map', `0:a:${track}?`, '-vn', '-c', 'copy'];
  let failure: MediaError | undefined;
  let messages: readonly string[] = [];
  let hashes = '';
  try {
    const result = await runFfmpeg(
      {
        input,
        shiftMs,
        decoders: 'audio',
        logLevel: 'info',
        outputs: [{ target: 'stdout', options: [...map, '-frames:a', '1', '-f', 'framehash', '-hash', 'crc32'] }],
      },
      { ffmpeg, signal, hardMs: hardLimit(bytes) },
    );
    messages = result.messages;
    hashes = result.stdout;
  } catch (error) {
    // Without the asked stream ffmpeg fails for want of an output; what it said of the input tells which it is.
    if (!(error instanceof MediaError) || !['failed', 'unsupported-media'].includes(error.code)) throw error;
    failure = error;
    messages = error.log;
  }
  const description = parseInputDescription(messages);
  if (description.container === '') throw failure ?? new MediaError('failed', 'ffmpeg did not describe the file.');
  if (description.audioTracks === 0) {
    throw unsupported('no-audio', 'There is no sound in this file, only pictures. Give a recording with sound.', {
      log: messages,
    });
  }
  if (track >= description.audioTracks) throw noSuchTrack(track, description.audioTracks);
  const audio = parseFrameHash(hashes);
  if (failure !== undefined || audio === undefined) {
    throw unsupported('nothing-decodes', 'The sound in this file is damaged beyond reading. Try another copy of it.', {
      cause: failure,
      log: messages,
    });
  }
  return { description, audio };
}

function noSuchTrack(track: number, tracks: number): MediaError {
  return new MediaError(
    'invalid-arguments',
    `Audio track ${track} was asked for, but the file has ${tracks === 1 ? 'one audio track: 0' : `${tracks} audio tracks: 0 to ${tracks - 1}`}. Choose one of them.`,
    { problem: 'no-such-track' },
  );
}

/**
 * True length of the mapped streams in ms, from the start of the file to the end of the last packet.
 *
 * @param what - file, value of ffmpeg's `-map`, size of the file, and its {@link timelineShift}
 */
export async function walkPackets(
  what: { input: string; map: string; bytes: number; shiftMs: number },
  options: { ffmpeg: FfmpegOptions; signal?: AbortSignal | undefined },
): Promise<number> {
  const { input, map, bytes, shiftMs } = what;
  const { progress } = await runFfmpeg(
    { input, shiftMs, decoders: 'audio', outputs: [{ target: 'none', options: ['-map', map, '-c', 'copy'] }] },
    { ...options, hardMs: hardLimit(bytes) },
  );
  return Math.max(0, progress.outTimeMs);
}

/** Reading a file through may take a minute, and longer where the disk gives less than 2 MiB/s. */
function hardLimit(bytes: number): number {
  return 60_000 + Math.ceil(bytes / (2 * 1024));
}
