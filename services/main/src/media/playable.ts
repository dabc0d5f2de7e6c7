import { type MediaInfo, RENDITION_FORMATS } from '@mediajob/contract';

/** Media types that today's browsers play, when the codec inside is one of theirs, too. As file-type names them. */
const PLAYABLE_TYPES = new Map([
  ['video/mp4', 'video/mp4'],
  ['video/x-m4v', 'video/mp4'],
  ['video/webm', 'video/webm'],
  ['audio/mpeg', 'audio/mpeg'],
  ['audio/wav', 'audio/wav'],
  ['audio/flac', 'audio/flac'],
  ['audio/ogg', 'audio/ogg'],
  ['audio/ogg; codecs=opus', 'audio/ogg'],
  ['application/ogg', 'audio/ogg'],
  ['audio/mp4', 'audio/mp4'],
  ['audio/x-m4a', 'audio/mp4'],
  ['audio/aac', 'audio/aac'],
]);

/** Audio codecs, as ffmpeg names them, that browsers decode. A video whose sound is AC-3 would play silently. */
const PLAYABLE_CODECS = new Set([
  'aac',
  'mp3',
  'opus',
  'vorbis',
  'flac',
  'pcm_s16le',
  'pcm_s24le',
  'pcm_u8',
  'pcm_f32le',
]);

/** The type to serve a source under, when browsers play it; else undefined. */
export function playableType(mediaType: string | undefined, media: MediaInfo | undefined): string | undefined {
  if (mediaType === undefined) return undefined;
  if (media !== undefined && !PLAYABLE_CODECS.has(media.audioCodec)) return undefined;
  return PLAYABLE_TYPES.get(mediaType);
}

/** mkv plays in some browsers only. */
const NEVER = 'mkv';
const VIDEO = ['mp4', 'webm'];

/** Whether a rendition of this name may have a picture. */
export function isVideo(name: string): boolean {
  return VIDEO.includes(formatOf(name));
}

function formatOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/**
 * The rendition that a page should play: one with a picture before one without, the smallest picture first since it
 * starts soonest, and lossless sound last.
 *
 * @param names file names of finished renditions, such as media-720p.mp4
 */
export function bestRendition(names: readonly string[]): string | undefined {
  const rank = (name: string): number => {
    const format = formatOf(name);
    const height = Number(/-(\d+)p\./.exec(name)?.[1] ?? 10_000);
    const place = (RENDITION_FORMATS as readonly string[]).indexOf(format);
    return (VIDEO.includes(format) ? 0 : 1_000_000) + height + place / 10;
  };
  return names
    .filter((name) => /^media[.-]/.test(name) && !name.endsWith(`.${NEVER}`))
    .sort((a, b) => rank(a) - rank(b))[0];
}
