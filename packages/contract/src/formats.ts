import { z } from 'zod';

/** Text formats of a transcript. */
export const TEXT_FORMATS = ['json', 'txt', 'srt', 'vtt', 'tsv', 'lrc', 'ass', 'ttml', 'md', 'docx'] as const;
export const TextFormat = z.enum(TEXT_FORMATS).describe('Text format of a transcript.');
export type TextFormat = z.infer<typeof TextFormat>;

/** Audio and video formats of a rendition. */
export const RENDITION_FORMATS = ['mp3', 'm4a', 'opus', 'flac', 'wav', 'mp4', 'webm', 'mkv'] as const;
export const RenditionFormat = z.enum(RENDITION_FORMATS).describe('Container of a converted file.');
export type RenditionFormat = z.infer<typeof RenditionFormat>;

export const VIDEO_RENDITION_FORMATS: readonly RenditionFormat[] = ['mp4', 'webm', 'mkv'];
/** Containers that take a track of subtitles every player shows. */
export const SUBTITLE_TRACK_FORMATS: readonly RenditionFormat[] = ['mp4', 'mkv'];
export const LOSSLESS_RENDITION_FORMATS: readonly RenditionFormat[] = ['flac', 'wav'];

/** Media types under which outputs are served. A closed table: nothing is guessed from a person's file. */
export const MEDIA_TYPES: Record<TextFormat | RenditionFormat, string> = {
  json: 'application/json',
  txt: 'text/plain; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  tsv: 'text/tab-separated-values; charset=utf-8',
  lrc: 'text/plain; charset=utf-8',
  ass: 'text/x-ssa; charset=utf-8',
  ttml: 'application/ttml+xml',
  md: 'text/markdown; charset=utf-8',
  docx: 'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  mp3: 'audio/mpeg',
  m4a: 'audio/mp4',
  opus: 'audio/ogg',
  flac: 'audio/flac',
  wav: 'audio/wav',
  mp4: 'video/mp4',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
};
