import type { StepProgress } from '@mediajob/contract';
import type { FfmpegOptions } from '@mediajob/media';
import type { Volume } from '@mediajob/storage';
import type { EnginePool } from './engine-pool.js';

/** The shape of pino's loggers, so that a service's own logger fits. */
export interface StepLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a step works with. A service makes one for its tasks, {@link runJob} one for a Kubernetes Job. */
export interface StepContext {
  volume: Volume;
  /** Aborted: the step ends as Interrupted soon, with everything finished so far kept. */
  signal: AbortSignal;
  log: StepLogger;
  /** For people only; may be called often. */
  progress(progress: StepProgress): void;
  /** Needed by convert and render. */
  ffmpeg?: FfmpegOptions;
  /** Needed by transcribe. */
  engines?: EnginePool;
  /** Free space that new work must leave untouched. */
  reserveBytes: number;
  now(): Date;
}
