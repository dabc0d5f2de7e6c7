import type { Rendition, RenditionFormat } from '@mediajob/contract';
import { assFilter } from './burn.js';
import { languageOfTrack } from './language-of-track.js';
import type { Inspection } from './probe.js';
import { isKnownVideoCodec } from './whitelists.js';

/** How one kind of stream gets into a container. */
interface Target {
  /** ffmpeg's codec ids that the container takes as they are. */
  copies: readonly string[];
  /** Encoder for everything else. */
  encoder: readonly string[];
  /** Usual bits per second for one channel; undefined for lossless formats. */
  bitratePerChannel?: number;
}

interface Container {
  muxer: readonly string[];
  /** How subtitles get into it, where players know them there. */
  subtitles?: string;
  audio: Target;
  video?: Target;
}

const AAC: Target = { copies: ['aac'], encoder: ['aac'], bitratePerChannel: 80_000 };
const OPUS: Target = { copies: ['opus'], encoder: ['libopus'], bitratePerChannel: 56_000 };

/*
 * crf 23 and veryfast, crf 33 with two-pass-free VP9: what ffmpeg's own guides give as good quality at a bearable speed without a GPU.
 * yuv420p: the only pixel format that every browser and phone shows.
 */
const H264 = ['libx264', '-preset', 'veryfast', '-crf', '23', '-pix_fmt', 'yuv420p'];
const VP9 = [
  ...['libvpx-vp9', '-crf', '33', '-b:v', '0', '-deadline', 'good', '-cpu-used', '5', '-row-mt', '1'],
  ...['-pix_fmt', 'yuv420p'],
];

/*
 * mpeg4 (DivX, Xvid) is not copied into MP4 although it may: no browser plays it, and its packed frames break there.
 * faststart moves the index to the front, so that playing can begin before the download ends.
 */
const CONTAINERS: Readonly<Record<RenditionFormat, Container>> = {
  mp3: { muxer: ['mp3'], audio: { copies: ['mp3'], encoder: ['libmp3lame'], bitratePerChannel: 64_000 } },
  m4a: { muxer: ['ipod', '-movflags', '+faststart'], audio: AAC },
  opus: { muxer: ['opus'], audio: OPUS },
  flac: { muxer: ['flac'], audio: { copies: ['flac'], encoder: ['flac'] } },
  wav: { muxer: ['wav', '-rf64', 'auto'], audio: { copies: ['pcm_s16le'], encoder: ['pcm_s16le'] } },
  mp4: {
    muxer: ['mp4', '-movflags', '+faststart'],
    subtitles: 'mov_text',
    audio: { ...AAC, copies: ['aac', 'mp3'] },
    video: { copies: ['h264', 'hevc', 'av1', 'vp9'], encoder: H264 },
  },
  webm: {
    muxer: ['webm'],
    audio: { ...OPUS, copies: ['opus', 'vorbis'] },
    video: { copies: ['vp8', 'vp9', 'av1'], encoder: VP9 },
  },
  mkv: {
    muxer: ['matroska'],
    subtitles: 'copy',
    audio: {
      ...AAC,
      copies: ['aac', 'mp3', 'mp2', 'opus', 'vorbis', 'flac', 'alac', 'ac3', 'eac3', 'dts', 'pcm_s16le', 'pcm_s24le'],
    },
    video: {
      copies: ['h264', 'hevc', 'vp8', 'vp9', 'av1', 'mpeg1video', 'mpeg2video', 'mpeg4', 'mjpeg', 'theora', 'prores'],
      encoder: H264,
    },
  },
};

/*
 * Containers that say when each picture is to be shown. AVI and MPEG program streams give decoding order alone (or now and then a time):
 * pictures copied from there, H.264 with B-frames above all, come out in the wrong order without any error.
 */
const TIMED_CONTAINERS = ['mov', 'matroska', 'mpegts', 'flv', 'ogg'];

/** libmp3lame and libopus take no more; everything beyond stereo is folded down for what people listen to. */
const MAX_ENCODED_CHANNELS = 2;
/** Sound that begins later than this cannot be copied into a container without time stamps. */
const START_TOLERANCE_MS = 50;
const OPUS_MAX_BITRATE_PER_CHANNEL = 256_000;
const MP3_BITRATES = [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320].map(
  (kilobits) => kilobits * 1000,
);

/** One way to make a rendition. Several are tried in order: copying can fail on odd files where encoding works. */
export interface Recipe {
  options: string[];
  /** Whether pictures are decoded: the only case that opens the list of video decoders. */
  decodesVideo: boolean;
  /** Whether the output has a picture. */
  video: boolean;
  /** Whether it has a track of subtitles. */
  subtitles: boolean;
}

/** What was said, for a rendition that shows it. */
export interface RenderSubtitles {
  /** SubRip, for a track. Absolute, as the other. */
  srtPath: string;
  /** Advanced SubStation Alpha, to be drawn into the picture. */
  assPath: string;
  /** BCP-47. */
  language: string;
}

/**
 * The ways to make a rendition of a file, best first: streams are copied where the container takes them and nothing else was asked.
 *
 * @param threads - for video encoders
 */
export function recipesFor(
  source: Inspection,
  rendition: Rendition,
  audioTrack: number,
  threads: number,
  subtitles?: RenderSubtitles,
): Recipe[] {
  const container = CONTAINERS[rendition.format];
  const burnt = rendition.subtitles === 'burn' ? subtitles : undefined;
  const track = rendition.subtitles === 'track' && container.subtitles !== undefined ? subtitles : undefined;
  const withVideo = container.video !== undefined && source.videoCodec !== undefined;
  const copyAudio = canCopyAudio(source, rendition, container.audio, withVideo);
  const copyVideo =
    withVideo &&
    rendition.height === undefined &&
    burnt === undefined &&
    TIMED_CONTAINERS.includes(source.info.container.split(',')[0] ?? '') &&
    (container.video?.copies ?? []).includes(source.videoCodec ?? '');
  const choices = [
    { copyAudio, copyVideo },
    { copyAudio: false, copyVideo },
    { copyAudio, copyVideo: false },
    { copyAudio: false, copyVideo: false },
  ].filter(
    (choice, i, all) =>
      all.findIndex((it) => it.copyAudio === choice.copyAudio && it.copyVideo === choice.copyVideo) === i &&
      // What is not on the list of decoders can be copied, or it cannot be had.
      (choice.copyVideo || !withVideo || isKnownVideoCodec(source.videoCodec ?? '')),
  );
  return choices.map((choice) => ({
    video: withVideo,
    decodesVideo: withVideo && !choice.copyVideo,
    subtitles: track !== undefined,
    options: [
      ...(withVideo ? ['-map', '0:V:0'] : ['-vn']),
      ...['-map', `0:a:${audioTrack}`, '-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact'],
      ...(withVideo ? videoOptions(source, rendition, container.video, choice.copyVideo, threads, burnt) : []),
      ...audioOptions(source, rendition, container.audio, choice.copyAudio),
      ...(track === undefined ? [] : trackOptions(container.subtitles ?? '', track.language)),
      ...['-f', ...container.muxer],
    ],
  }));
}

function canCopyAudio({ audio }: Inspection, rendition: Rendition, target: Target, withVideo: boolean): boolean {
  if (rendition.audioBitrate !== undefined || !target.copies.includes(audio.codec)) return false;
  // Times in the transcript are times in the source; without a picture to keep step with, a late start must become silence.
  return withVideo || Math.abs(audio.startMs) <= START_TOLERANCE_MS;
}

function audioOptions({ audio }: Inspection, rendition: Rendition, target: Target, copy: boolean): string[] {
  if (copy) return ['-c:a', 'copy'];
  const lossless = target.bitratePerChannel === undefined;
  const channels = lossless ? Math.max(1, audio.channels) : Math.min(MAX_ENCODED_CHANNELS, Math.max(1, audio.channels));
  const rate = sampleRateFor(audio.sampleRate, target.encoder[0] ?? '');
  return [
    ...['-c:a', ...target.encoder, '-af', 'aresample=async=1:first_pts=0', '-ar', String(rate)],
    ...(lossless && channels > MAX_ENCODED_CHANNELS ? [] : ['-ac', String(channels)]),
    ...(target.bitratePerChannel === undefined
      ? []
      : ['-b:a', String(bitrateFor(rendition, target.bitratePerChannel * channels, channels))]),
  ];
}

function bitrateFor(rendition: Rendition, usual: number, channels: number): number {
  const wanted = rendition.audioBitrate ?? usual;
  if (rendition.format === 'mp3') {
    // MP3 knows only these; the nearest one is taken.
    return MP3_BITRATES.reduce((best, it) => (Math.abs(it - wanted) < Math.abs(best - wanted) ? it : best));
  }
  if (rendition.format === 'opus' || rendition.format === 'webm') {
    return Math.min(wanted, OPUS_MAX_BITRATE_PER_CHANNEL * channels);
  }
  return wanted;
}

/** The source's own rate where the encoder takes it, else the next one that loses nothing people hear. */
function sampleRateFor(rate: number, encoder: string): number {
  const rates =
    encoder === 'libopus'
      ? [8_000, 12_000, 16_000, 24_000, 48_000]
      : encoder === 'libmp3lame'
        ? [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
        : encoder === 'aac'
          ? [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000]
          : undefined;
  return rates === undefined ? rate : (rates.find((it) => it >= rate) ?? 48_000);
}

function videoOptions(
  source: Inspection,
  rendition: Rendition,
  target: Target | undefined,
  copy: boolean,
  threads: number,
  burnt: RenderSubtitles | undefined,
): string[] {
  if (target === undefined) return [];
  if (copy) {
    // Apple's players know HEVC in MP4 by this tag alone.
    const tag = rendition.format === 'mp4' && source.videoCodec === 'hevc' ? ['-tag:v', 'hvc1'] : [];
    return ['-c:v', 'copy', ...tag];
  }
  // Never enlarged; both sides even, which 4:2:0 needs. The commas are within quotes of the filter's own syntax.
  const limit = rendition.height === undefined ? 'ih' : `min(${rendition.height},ih)`;
  return [
    ...['-vf', `scale=w=-2:h='max(2,trunc(${limit}/2)*2)'${burnt === undefined ? '' : `,${assFilter(burnt.assPath)}`}`],
    ...['-c:v', ...target.encoder, '-threads', String(threads)],
  ];
}

/** Shown from the start where a player follows the mark: they were asked for. */
function trackOptions(codec: string, language: string): string[] {
  return [
    ...['-map', '1:s:0', '-c:s', codec, '-metadata:s:s:0', `language=${languageOfTrack(language)}`],
    ...['-disposition:s:0', 'default'],
  ];
}
