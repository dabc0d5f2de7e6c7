import { type DynamicModule, Module } from '@nestjs/common';
import { DetectLanguageController } from './detect-language.controller.js';
import { LanguagesController } from './languages.controller.js';
import { LANGUAGES_OPTIONS, type LanguagesOptions } from './languages.options.js';

/** Languages that Whisper knows, and which one a job's audio is in. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module is such a class in Nest
export class LanguagesModule {
  static forRoot(options: LanguagesOptions): DynamicModule {
    return {
      module: LanguagesModule,
      controllers: [LanguagesController, DetectLanguageController],
      providers: [{ provide: LANGUAGES_OPTIONS, useValue: options }],
    };
  }
}
