import { TranscriberEnv } from '@mediajob/contract';
import { versionOf } from '@mediajob/service';
import type { ServiceOptions } from '@mediajob/service/nest';
import { transcriberModule } from './app.module.js';

/** The transcriber as `bootstrapService` starts it. */
export function transcriberService(): ServiceOptions<TranscriberEnv> {
  return {
    name: 'transcriber',
    version: versionOf(new URL('../package.json', import.meta.url)),
    description: 'Turns the audio of a job into words with times, and these into every text format, by Whisper.',
    env: TranscriberEnv,
    module: transcriberModule,
  };
}
