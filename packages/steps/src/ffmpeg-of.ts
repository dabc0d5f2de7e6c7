import type { FfmpegOptions } from '@mediajob/media';
import type { StepContext } from './context.js';
import { stepError } from './failure.js';

/** @throws StepError Internal where a service runs a step without having said which ffmpeg */
export function ffmpegOf(context: StepContext): FfmpegOptions {
  if (context.ffmpeg === undefined) throw stepError('Internal', 'This service is not set up to run ffmpeg.');
  return context.ffmpeg;
}
