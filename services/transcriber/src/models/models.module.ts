import type { ServiceContext } from '@mediajob/service/nest';
import { SERVICE_CONTEXT } from '@mediajob/service/nest';
import { type DynamicModule, Module } from '@nestjs/common';
import { ModelPulls } from './model-pulls.js';
import { ModelsController } from './models.controller.js';
import { MODELS_OPTIONS, type ModelsOptions } from './models.options.js';

/** The catalog, what of it is installed, and installing more where that is allowed. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module is such a class in Nest
export class ModelsModule {
  static forRoot(options: ModelsOptions): DynamicModule {
    return {
      module: ModelsModule,
      controllers: [ModelsController],
      providers: [
        { provide: MODELS_OPTIONS, useValue: options },
        {
          provide: ModelPulls,
          inject: [SERVICE_CONTEXT],
          useFactory: ({ logger, shutdown }: ServiceContext) => {
            const pulls = new ModelPulls({ modelsDir: options.modelsDir, logger });
            shutdown.on('stop-children', 'model pulls', () => pulls.close());
            return pulls;
          },
        },
      ],
    };
  }
}
