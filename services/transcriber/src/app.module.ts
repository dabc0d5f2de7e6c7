import { resolve } from 'node:path';
import type { StageName, TranscriberEnv } from '@mediajob/contract';
import { volumeCheck, volumeOf } from '@mediajob/service';
import { HealthModule, type ServiceContext, TasksModule } from '@mediajob/service/nest';
import { type EnginePool, engineOf, enginePoolOf, runStep } from '@mediajob/steps';
import type { DynamicModule } from '@nestjs/common';
import { engineCheck } from './engine.check.js';
import { LanguagesModule } from './languages/languages.module.js';
import { modelCheck } from './models/model.check.js';
import { ModelsModule } from './models/models.module.js';
import { realtimeFactorMetric } from './realtime-factor.metric.js';

/** Stages whose runs need an engine, or the text that one made. */
export const TRANSCRIBER_STAGES: readonly StageName[] = ['transcribe', 'finalize'];

class TranscriberModule {}

/** Tasks, models and languages, over one pool of warm engines and one volume. */
export function transcriberModule(service: ServiceContext<TranscriberEnv>): DynamicModule {
  const { env, metrics, shutdown } = service;
  const volume = volumeOf(env);
  const modelsDir = resolve(env.MEDIAJOB_MODELS_DIR ?? `${env.MEDIAJOB_DATA_DIR}/models`);
  const reserveBytes = env.MEDIAJOB_RESERVE_BYTES;
  const engines = sharedEngines(service);
  const observe = realtimeFactorMetric(metrics.registry);
  // Runs are stopped in the same phase: an engine that is closed under them only makes them end sooner.
  shutdown.on('stop-children', 'engines', () => engines.close());
  return {
    module: TranscriberModule,
    imports: [
      HealthModule.forRoot({
        checks: [
          engineCheck(() => engineOf(env)),
          modelCheck(modelsDir, env.MEDIAJOB_DEFAULT_MODEL),
          volumeCheck(volume, { reserveBytes, registry: metrics.registry }),
        ],
      }),
      TasksModule.forRoot({
        stages: TRANSCRIBER_STAGES,
        concurrency: env.MEDIAJOB_CONCURRENCY,
        run: async (request, { signal, progress, log }) => {
          const result = await runStep(request, {
            volume,
            signal,
            progress,
            log,
            engines,
            reserveBytes,
            now: () => new Date(),
          });
          observe(request, result);
          return result;
        },
      }),
      ModelsModule.forRoot({
        modelsDir,
        defaultModel: env.MEDIAJOB_DEFAULT_MODEL,
        writable: env.MEDIAJOB_MODELS_WRITABLE,
      }),
      LanguagesModule.forRoot({ volume, engines, defaultModel: env.MEDIAJOB_DEFAULT_MODEL }),
    ],
  };
}

/** Engines outlive the run that asks for one first, so their use of CPU and memory is shared by all runs. */
function sharedEngines(service: ServiceContext<TranscriberEnv>): EnginePool {
  const engines = enginePoolOf(service.env, { log: service.logger });
  const acquire = engines.acquire.bind(engines);
  engines.acquire = (name, options) => service.meter.asShared(() => acquire(name, options));
  return engines;
}
