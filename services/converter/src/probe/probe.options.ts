import type { FfmpegOptions } from '@mediajob/media';
import type { Volume } from '@mediajob/storage';

export const PROBE_OPTIONS = Symbol('PROBE_OPTIONS');

export interface ProbeModuleOptions {
  volume: Volume;
  ffmpeg: FfmpegOptions;
  /** Longest media taken, in ms. */
  maxDurationMs: number;
  /** Probes at once. */
  concurrency: number;
}
