import type { CreateJobInput, RenditionFormat } from '@mediajob/contract';
import type { JobOptions, VideoSubtitles } from '../preferences/preferences.ts';
import { MIXED } from './languages.ts';

const TITLE_MAX = 200;

/** The id in an upload's address: its last part. */
export function uploadIdOf(url: string): string {
  return new URL(url, 'http://page.invalid').pathname.split('/').findLast((part) => part !== '') ?? '';
}

/** Containers with a picture, and those among them that take a track. */
const SHOWING: Readonly<Record<VideoSubtitles, readonly RenditionFormat[]>> = {
  none: [],
  track: ['mp4', 'mkv'],
  burn: ['mp4', 'webm', 'mkv'],
};

export function canShow(format: RenditionFormat, subtitles: VideoSubtitles): boolean {
  return SHOWING[subtitles].includes(format);
}

/** The job that an upload is made into. */
export function jobRequest(uploadId: string, fileName: string, options: JobOptions): CreateJobInput {
  return {
    metadata: { title: [...fileName].slice(0, TITLE_MAX).join('').slice(0, TITLE_MAX) },
    spec: {
      source: { path: `uploads/${uploadId}/source` },
      convert: {
        renditions: options.renditions.map((format) =>
          canShow(format, options.videoSubtitles) ? { format, subtitles: options.videoSubtitles } : { format },
        ),
      },
      transcribe: {
        ...(options.model === undefined ? {} : { model: options.model }),
        ...(options.language === MIXED
          ? { language: 'auto', languageMode: 'perChunk' as const }
          : { language: options.language }),
        task: options.task,
        quality: options.quality,
        subtitles: { preset: options.subtitles },
        formats: options.formats.length === 0 ? ['json'] : [...options.formats],
        ...(options.prompt.trim() === '' ? {} : { prompt: options.prompt.trim() }),
      },
    },
  };
}
