import type { RenditionFormat, SubtitlePreset, TextFormat } from '@mediajob/contract';
import { Store } from '../components/store.ts';
import { LANGUAGES, type Language } from '../i18n/messages.ts';

/** What a person wants done with a file; remembered for the next one. */
export interface JobOptions {
  /** `auto` or a BCP-47 tag. */
  readonly language: string;
  /** Undefined: the server's default. */
  readonly model: string | undefined;
  readonly task: 'transcribe' | 'translate';
  readonly quality: 'fast' | 'balanced' | 'best';
  readonly formats: readonly TextFormat[];
  readonly subtitles: SubtitlePreset;
  readonly renditions: readonly RenditionFormat[];
  /** Of those with a picture. */
  readonly videoSubtitles: VideoSubtitles;
  readonly prompt: string;
}

export const VIDEO_SUBTITLES = ['none', 'track', 'burn'] as const;
export type VideoSubtitles = (typeof VIDEO_SUBTITLES)[number];

export type Theme = 'system' | 'light' | 'dark';

export interface Preferences {
  /** Undefined: as the browser. */
  readonly language: Language | undefined;
  readonly theme: Theme;
  readonly options: JobOptions;
}

export const TEXT_FORMATS: readonly TextFormat[] = [
  'txt',
  'srt',
  'vtt',
  'docx',
  'md',
  'json',
  'tsv',
  'lrc',
  'ass',
  'ttml',
];
export const SUBTITLE_PRESETS: readonly SubtitlePreset[] = ['netflix', 'bbc', 'youtube', 'short', 'raw'];
export const RENDITION_FORMATS: readonly RenditionFormat[] = [
  'mp3',
  'm4a',
  'opus',
  'flac',
  'wav',
  'mp4',
  'webm',
  'mkv',
];

export const DEFAULT_OPTIONS: JobOptions = {
  language: 'auto',
  model: undefined,
  task: 'transcribe',
  quality: 'balanced',
  formats: ['txt', 'srt', 'vtt', 'json'],
  subtitles: 'netflix',
  renditions: [],
  videoSubtitles: 'none',
  prompt: '',
};

const KEY = 'mediajob.preferences';

/** What was stored, with a default for everything that is missing or not as it should be. */
export function parsePreferences(text: string | null): Preferences {
  const stored = recordOf(text === null ? undefined : parseJson(text));
  const options = recordOf(stored.options);
  return {
    language: oneOf(LANGUAGES, stored.language),
    theme: oneOf(['system', 'light', 'dark'] as const, stored.theme) ?? 'system',
    options: {
      language: typeof options.language === 'string' ? options.language : DEFAULT_OPTIONS.language,
      model: typeof options.model === 'string' ? options.model : undefined,
      task: oneOf(['transcribe', 'translate'] as const, options.task) ?? DEFAULT_OPTIONS.task,
      quality: oneOf(['fast', 'balanced', 'best'] as const, options.quality) ?? DEFAULT_OPTIONS.quality,
      formats: someOf(TEXT_FORMATS, options.formats, DEFAULT_OPTIONS.formats),
      subtitles: oneOf(SUBTITLE_PRESETS, options.subtitles) ?? DEFAULT_OPTIONS.subtitles,
      renditions: someOf(RENDITION_FORMATS, options.renditions, DEFAULT_OPTIONS.renditions),
      videoSubtitles: oneOf(VIDEO_SUBTITLES, options.videoSubtitles) ?? DEFAULT_OPTIONS.videoSubtitles,
      prompt: typeof options.prompt === 'string' ? options.prompt : '',
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function oneOf<T>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((it) => it === value);
}

function someOf<T>(allowed: readonly T[], value: unknown, otherwise: readonly T[]): readonly T[] {
  return Array.isArray(value) ? allowed.filter((it) => value.includes(it)) : otherwise;
}

/** Storage is a comfort: a browser may forbid it, and the page works without. */
export function readStored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function writeStored(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing to do: it is forgotten with this visit.
  }
}

export const preferences = new Store<Preferences>(
  parsePreferences(typeof window === 'undefined' ? null : readStored(KEY)),
);

export function setPreferences(change: Partial<Preferences>): void {
  const next = { ...preferences.get(), ...change };
  preferences.set(next);
  writeStored(KEY, JSON.stringify(next));
}

/** Follows the chosen appearance: `system` leaves it to the browser. */
export function applyTheme(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
