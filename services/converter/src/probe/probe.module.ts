import { type DynamicModule, Module } from '@nestjs/common';
import { FormatsController } from './formats.controller.js';
import { ProbeController } from './probe.controller.js';
import { PROBE_OPTIONS, type ProbeModuleOptions } from './probe.options.js';

/** What wants an answer now: what a file is, and what can go in and come out. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module is such a class in Nest
export class ProbeModule {
  static forRoot(options: ProbeModuleOptions): DynamicModule {
    return {
      module: ProbeModule,
      controllers: [ProbeController, FormatsController],
      providers: [{ provide: PROBE_OPTIONS, useValue: options }],
    };
  }
}
