import type { EnginePool } from '@mediajob/steps';
import type { Volume } from '@mediajob/storage';

export const LANGUAGES_OPTIONS = Symbol('LANGUAGES_OPTIONS');

export interface LanguagesOptions {
  volume: Volume;
  engines: EnginePool;
  defaultModel: string;
}
