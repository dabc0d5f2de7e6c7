export const MODELS_OPTIONS = Symbol('MODELS_OPTIONS');

export interface ModelsOptions {
  modelsDir: string;
  defaultModel: string;
  /** Whether POST …/pull may install models: only where the folder is writable and there is a way out. */
  writable: boolean;
}
