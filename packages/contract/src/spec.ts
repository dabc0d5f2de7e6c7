import { z } from 'zod';
import {
  RenditionFormat,
  SUBTITLE_TRACK_FORMATS,
  TEXT_FORMATS,
  TextFormat,
  VIDEO_RENDITION_FORMATS,
} from './formats.js';
import { VolumePath } from './ids.js';
import { LanguageChoice, LanguageMode } from './languages.js';

/** A media file on the volume that a person may name. */
export const MediaPath = VolumePath.refine(
  (path) => path.startsWith('uploads/') || path.startsWith('inbox/'),
  'must begin with uploads/ or inbox/',
);

/** Where the media comes from: exactly one of path, url and s3. */
export const Source = z
  .strictObject({
    path: MediaPath.optional().describe(
      'A file on the media volume: uploads/<id>/source, or anything that somebody put below inbox/.',
    ),
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .optional()
      .describe('A web address. Refused unless the administrator allows it.'),
    s3: z
      .strictObject({
        bucket: z.string().min(3).max(63).describe('Name of the bucket.'),
        key: z.string().min(1).max(1024).describe('Key of the object.'),
      })
      .optional()
      .describe('An object in S3 storage. Refused unless the administrator allows it.'),
  })
  .refine(
    (source) => [source.path, source.url, source.s3].filter((it) => it !== undefined).length === 1,
    'exactly one of path, url and s3 must be given',
  )
  .describe('Where the media comes from: exactly one of path, url and s3.');
export type Source = z.infer<typeof Source>;

export const RENDITION_SUBTITLES = ['none', 'track', 'burn'] as const;

export const Rendition = z
  .strictObject({
    format: RenditionFormat,
    audioBitrate: z
      .int()
      .min(8_000)
      .max(512_000)
      .optional()
      .describe('Audio bits per second; the format’s usual one when left out. Not for flac and wav.'),
    height: z
      .int()
      .min(64)
      .max(4320)
      .multipleOf(2)
      .optional()
      .describe('Height of the picture in pixels, never enlarged. For mp4, webm and mkv.'),
    subtitles: z
      .enum(RENDITION_SUBTITLES)
      .optional()
      .describe(
        'track: a track of subtitles that players show or hide, in mp4 and mkv. burn: drawn into the picture of mp4, webm and mkv. Made when the transcript is done; none when left out.',
      ),
  })
  .refine((r) => r.height === undefined || VIDEO_RENDITION_FORMATS.includes(r.format), {
    path: ['height'],
    error: 'only mp4, webm and mkv have a picture',
  })
  .refine((r) => r.subtitles !== 'track' || SUBTITLE_TRACK_FORMATS.includes(r.format), {
    path: ['subtitles'],
    error: 'only mp4 and mkv take a track of subtitles',
  })
  .refine((r) => r.subtitles !== 'burn' || VIDEO_RENDITION_FORMATS.includes(r.format), {
    path: ['subtitles'],
    error: 'only mp4, webm and mkv have a picture to draw subtitles into',
  })
  .refine((r) => r.audioBitrate === undefined || (r.format !== 'flac' && r.format !== 'wav'), {
    path: ['audioBitrate'],
    error: 'flac and wav have no bitrate to choose',
  })
  .describe('One converted audio or video file.');
export type Rendition = z.infer<typeof Rendition>;

export const ConvertSpec = z
  .strictObject({
    audioTrack: z.int().min(0).max(63).default(0).describe('Which audio stream of the source, counted from 0.'),
    renditions: z
      .array(Rendition)
      .max(8)
      .default([])
      .refine(
        (list) => new Set(list.map(renditionKey)).size === list.length,
        'two renditions would have the same file name; differ in format, height or burnt-in subtitles',
      )
      .describe('Converted files to make.'),
  })
  .describe('Which audio stream to read, and which audio or video files to make of it.');
export type ConvertSpec = z.infer<typeof ConvertSpec>;

type RenditionName = Pick<Rendition, 'format' | 'height' | 'subtitles'>;

/** What tells two renditions of one job apart: whether subtitles can be turned off is no matter of the name. */
export function renditionKey({ format, height, subtitles }: RenditionName): string {
  return `${height === undefined ? '' : `${height}p.`}${subtitles === 'burn' ? 'burned.' : ''}${format}`;
}

/** File name of a rendition among the outputs: media.mp3, media-720p.mp4, media-720p-burned.mp4. */
export function renditionFileName({ format, height, subtitles }: RenditionName): string {
  return `media${height === undefined ? '' : `-${height}p`}${subtitles === 'burn' ? '-burned' : ''}.${format}`;
}

/** Whether a rendition shows what was said, so that it is made after the transcript. */
export function hasSubtitles({ subtitles }: Pick<Rendition, 'subtitles'>): boolean {
  return subtitles !== undefined && subtitles !== 'none';
}

export const SUBTITLE_PRESETS = ['netflix', 'bbc', 'youtube', 'short', 'raw'] as const;
export const SubtitlePreset = z
  .enum(SUBTITLE_PRESETS)
  .describe(
    'netflix, bbc, youtube: after their guides. short: three words at once, for upright videos. raw: the segments as they were heard.',
  );
export type SubtitlePreset = z.infer<typeof SubtitlePreset>;

const WordTimes = z
  .boolean()
  .describe('Whether vtt, lrc and ass also say when each word begins; in ass it lights up (karaoke).');

/** Whatever is given takes the place of what the preset says; docs/SUBTITLES.md has the values. */
export const SubtitleRules = z
  .strictObject({
    preset: SubtitlePreset.optional(),
    maxCharsPerLine: z
      .int()
      .min(8)
      .max(120)
      .optional()
      .describe('Most characters a line; an East Asian one counts twice. Left out: as the preset.'),
    maxLines: z.int().min(1).max(4).optional().describe('Most lines a cue. Left out: as the preset.'),
    maxCharsPerSecond: z
      .int()
      .min(5)
      .max(100)
      .optional()
      .describe('Fastest reading, counted as for lines. Cues stay longer for it where there is room.'),
    minMs: z.int().min(0).max(2000).optional().describe('Shortest cue in ms. Left out: as the preset.'),
    maxMs: z.int().min(2000).max(30_000).optional().describe('Longest cue in ms. Left out: as the preset.'),
    minGapMs: z.int().min(0).max(1000).optional().describe('Smallest gap between cues in ms; left out: as the preset.'),
    wordTimes: WordTimes.optional(),
  })
  .describe('Rules for subtitle cues.');
export type SubtitleRules = z.infer<typeof SubtitleRules>;

/** {@link SubtitleRules} as they stand in a MediaJob. */
export const SubtitleSpec = SubtitleRules.extend({
  preset: SubtitlePreset.default('netflix'),
  wordTimes: WordTimes.default(true),
}).describe('How subtitles are cut into cues and lines.');

export const QUALITIES = ['fast', 'balanced', 'best'] as const;
export const Quality = z
  .enum(QUALITIES)
  .describe('fast: one greedy pass. balanced: greedy, decoded again when doubtful. best: beam search.');
export type Quality = z.infer<typeof Quality>;

export const ModelName = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/)
  .describe('Name of a model of the catalog, such as base.');

export const TranscribeSpec = z
  .strictObject({
    model: ModelName.default('base'),
    fallbackModel: ModelName.optional().describe(
      'A larger model of the catalog that hears again what stays doubtful. Used where it is installed; it needs its memory beside that of model.',
    ),
    language: LanguageChoice.default('auto'),
    languageMode: LanguageMode.optional(),
    task: z
      .enum(['transcribe', 'translate'])
      .default('transcribe')
      .describe('transcribe: in the language that is spoken. translate: into English.'),
    formats: z
      .array(TextFormat)
      .min(1)
      .max(TEXT_FORMATS.length)
      .default(['json', 'srt', 'vtt', 'txt'])
      .refine((list) => new Set(list).size === list.length, 'a format is named twice')
      .describe('Text files to write. json is always written.'),
    subtitles: SubtitleSpec.prefault({}),
    prompt: z.string().max(1000).optional().describe('Names and terms that are likely to be said.'),
    parallelism: z.int().min(1).max(256).default(4).describe('Most shards transcribed at once.'),
    quality: Quality.default('balanced'),
  })
  .describe('How to transcribe it; left out: convert only.');
export type TranscribeSpec = z.infer<typeof TranscribeSpec>;

const QueueName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a name in Kubernetes: a-z, 0-9, - and .');

/** The classes system-… put a pod before everything else in the cluster. */
const PriorityClassName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a name in Kubernetes: a-z, 0-9, - and .')
  .refine((name) => !name.startsWith('system-'), 'the classes system-… are for the cluster itself')
  .describe('PriorityClass of its pods (Kubernetes only).');

export const MediaJobSpec = z
  .strictObject({
    source: Source,
    convert: ConvertSpec.prefault({}),
    transcribe: TranscribeSpec.optional(),
    profile: z
      .string()
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
      .default('default')
      .describe('Name of an administrator’s profile: CPU, memory, GPU and nodes of its Jobs (Kubernetes only).'),
    queue: z
      .strictObject({
        convert: QueueName.optional().describe('Kueue LocalQueue of conversion Jobs.'),
        transcribe: QueueName.optional().describe('Kueue LocalQueue of transcription Jobs.'),
      })
      .optional()
      .describe('Kueue queues that its Jobs wait in; left out: none (Kubernetes only).'),
    priorityClass: PriorityClassName.optional(),
    suspend: z
      .boolean()
      .default(false)
      .describe('true: stop running work and start none until false again. Finished parts are kept.'),
    cancel: z.boolean().default(false).describe('true: stop for good. A retry takes it back.'),
    activeDeadlineSeconds: z
      .int()
      .min(1)
      .max(31_536_000)
      .optional()
      .describe('Seconds from the start of an attempt after which it fails. Left out: never.'),
    ttlSecondsAfterFinished: z
      .int()
      .min(0)
      .max(315_360_000)
      .optional()
      .describe('Seconds after the end when the job and its files are deleted. Left out: never.'),
    retries: z
      .int()
      .min(0)
      .max(10)
      .default(3)
      .describe('How often a failed run is tried again. Preemptions and full disks do not count.'),
  })
  .refine(
    (spec) => spec.transcribe !== undefined || spec.convert.renditions.length > 0,
    'nothing to do: give transcribe, or at least one of convert.renditions',
  )
  .refine((spec) => spec.transcribe !== undefined || !spec.convert.renditions.some(hasSubtitles), {
    path: ['convert', 'renditions'],
    error: 'subtitles come from the transcript: give transcribe, too',
  })
  .describe('Which media file, and what to make of it.');
export type MediaJobSpec = z.infer<typeof MediaJobSpec>;
export type MediaJobSpecInput = z.input<typeof MediaJobSpec>;
