import type { ConverterEnv, StageName } from '@mediajob/contract';
import type { FfmpegOptions } from '@mediajob/media';
import { volumeCheck, volumeOf } from '@mediajob/service';
import { HealthModule, type ServiceContext, TasksModule } from '@mediajob/service/nest';
import { runStep } from '@mediajob/steps';
import type { DynamicModule } from '@nestjs/common';
import { ffmpegCheck } from './ffmpeg.check.js';
import { ProbeModule } from './probe/probe.module.js';

/** Stages whose runs need ffmpeg, or nothing but the volume. */
export const CONVERTER_STAGES: readonly StageName[] = ['convert', 'render', 'cleanup'];

class ConverterModule {}

/** Tasks, probe and formats, over one ffmpeg and one volume. */
export function converterModule(service: ServiceContext<ConverterEnv>): DynamicModule {
  const { env, metrics } = service;
  const volume = volumeOf(env);
  const ffmpeg: FfmpegOptions = { path: env.MEDIAJOB_FFMPEG, stallMs: env.MEDIAJOB_STALL_TIMEOUT };
  const reserveBytes = env.MEDIAJOB_RESERVE_BYTES;
  return {
    module: ConverterModule,
    imports: [
      HealthModule.forRoot({
        checks: [
          ffmpegCheck(ffmpeg, metrics.registry),
          volumeCheck(volume, { reserveBytes, registry: metrics.registry }),
        ],
      }),
      TasksModule.forRoot({
        stages: CONVERTER_STAGES,
        concurrency: env.MEDIAJOB_CONCURRENCY,
        run: (request, { signal, progress, log }) =>
          runStep(request, { volume, signal, progress, log, ffmpeg, reserveBytes, now: () => new Date() }),
      }),
      ProbeModule.forRoot({
        volume,
        ffmpeg,
        maxDurationMs: env.MEDIAJOB_MAX_DURATION,
        concurrency: env.MEDIAJOB_CONCURRENCY,
      }),
    ],
  };
}
