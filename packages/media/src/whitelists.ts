/**
 * What ffmpeg may touch. Lists, not filters: whatever is not named here is never parsed and never decoded.
 *
 * Demuxers that open other files or the network (concat, hls, dash, sdp, image2, tedcaptions …) must never be added: a playlist
 * that is renamed to .mp3 would then hand out a neighbour's upload. Decoders are the largest part of ffmpeg that meets hostile bytes;
 * audio work needs no video decoder, not even to probe (CVE-2026-8461 and its like cannot be reached).
 */
export const DEMUXERS: readonly string[] = [
  'wav',
  'w64',
  'mp3',
  'aac',
  'flac',
  'ogg',
  'amr',
  'aiff',
  'caf',
  'ac3',
  'eac3',
  'au',
  'mov',
  'matroska',
  'avi',
  'asf',
  'flv',
  'mpegts',
  'mpeg',
];

/** ffmpeg's codec ids of sound that is taken, each with the decoders that may decode it. */
export const AUDIO_DECODERS: Readonly<Record<string, readonly string[]>> = {
  aac: ['aac'],
  aac_latm: ['aac_latm'],
  mp1: ['mp1float', 'mp1'],
  mp2: ['mp2float', 'mp2'],
  mp3: ['mp3float', 'mp3'],
  opus: ['libopus', 'opus'],
  vorbis: ['vorbis', 'libvorbis'],
  flac: ['flac'],
  alac: ['alac'],
  ac3: ['ac3'],
  eac3: ['eac3'],
  dts: ['dca'],
  amr_nb: ['amrnb', 'libopencore_amrnb'],
  amr_wb: ['amrwb', 'libopencore_amrwb'],
  speex: ['libspeex', 'speex'],
  gsm: ['gsm', 'libgsm'],
  gsm_ms: ['gsm_ms', 'libgsm_ms'],
  wmav1: ['wmav1'],
  wmav2: ['wmav2'],
  wmapro: ['wmapro'],
  wmalossless: ['wmalossless'],
  wmavoice: ['wmavoice'],
  nellymoser: ['nellymoser'],
  adpcm_ms: ['adpcm_ms'],
  adpcm_ima_wav: ['adpcm_ima_wav'],
  adpcm_ima_qt: ['adpcm_ima_qt'],
  adpcm_swf: ['adpcm_swf'],
  adpcm_yamaha: ['adpcm_yamaha'],
  adpcm_g722: ['g722'],
  adpcm_g726: ['g726'],
  adpcm_g726le: ['g726le'],
  pcm_alaw: ['pcm_alaw'],
  pcm_mulaw: ['pcm_mulaw'],
  pcm_u8: ['pcm_u8'],
  pcm_s8: ['pcm_s8'],
  pcm_s16le: ['pcm_s16le'],
  pcm_s16be: ['pcm_s16be'],
  pcm_s24le: ['pcm_s24le'],
  pcm_s24be: ['pcm_s24be'],
  pcm_s32le: ['pcm_s32le'],
  pcm_s32be: ['pcm_s32be'],
  pcm_f32le: ['pcm_f32le'],
  pcm_f32be: ['pcm_f32be'],
  pcm_f64le: ['pcm_f64le'],
  pcm_f64be: ['pcm_f64be'],
  pcm_dvd: ['pcm_dvd'],
  pcm_bluray: ['pcm_bluray'],
};

/**
 * Pictures that may be decoded, for a video rendition alone: what cameras, phones, browsers and the DVD made and make.
 * ffmpeg calls the decoders of H.263 in FLV `flv`, and of AV1 `libdav1d`.
 */
export const VIDEO_DECODERS: Readonly<Record<string, readonly string[]>> = {
  h264: ['h264'],
  hevc: ['hevc'],
  vp8: ['vp8', 'libvpx'],
  vp9: ['vp9', 'libvpx-vp9'],
  av1: ['libdav1d'],
  mpeg1video: ['mpeg1video'],
  mpeg2video: ['mpeg2video'],
  mpeg4: ['mpeg4'],
  h263: ['h263'],
  flv1: ['flv'],
  wmv1: ['wmv1'],
  wmv2: ['wmv2'],
  wmv3: ['wmv3'],
  vc1: ['vc1'],
  mjpeg: ['mjpeg'],
};

/** Subtitles are only ever read from files of our own making: SubRip, and nothing else. */
export const SUBTITLE_DEMUXER = 'srt';
export const SUBTITLE_DECODERS: readonly string[] = ['subrip', 'srt'];

const decodersOf = (table: Readonly<Record<string, readonly string[]>>): string[] => Object.values(table).flat();

/** Value of `-codec_whitelist`. */
export function codecWhitelist(decoders: 'audio' | 'audio+video'): string {
  const audio = decodersOf(AUDIO_DECODERS);
  return (decoders === 'audio' ? audio : [...audio, ...decodersOf(VIDEO_DECODERS)]).join(',');
}

/** Value of `-format_whitelist`. */
export function formatWhitelist(): string {
  return DEMUXERS.join(',');
}

/** Whether sound of this codec id (as ffmpeg prints it) can be decoded here. */
export function isKnownAudioCodec(codecId: string): boolean {
  return Object.hasOwn(AUDIO_DECODERS, codecId);
}

/** Whether pictures of this codec id can be decoded here. */
export function isKnownVideoCodec(codecId: string): boolean {
  return Object.hasOwn(VIDEO_DECODERS, codecId);
}
