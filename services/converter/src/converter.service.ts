import { ConverterEnv } from '@mediajob/contract';
import { versionOf } from '@mediajob/service';
import type { ServiceOptions } from '@mediajob/service/nest';
import { converterModule } from './app.module.js';

/** The converter as `bootstrapService` starts it. */
export function converterService(): ServiceOptions<ConverterEnv> {
  return {
    name: 'converter',
    version: versionOf(new URL('../package.json', import.meta.url)),
    description: 'Turns a media file into audio for the transcriber and into the renditions asked for, by ffmpeg.',
    env: ConverterEnv,
    module: converterModule,
  };
}
