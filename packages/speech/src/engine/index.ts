export { type BuildOptions, buildEngine } from './build.js';
export { BuildError } from './build-error.js';
export { cacheDir } from './cache-dir.js';
export { type ChosenEngine, chooseEngine } from './choose-engine.js';
export { type CpuBudget, cpuBudget, leastMemory, replicasFor, statesFor, statesOf } from './cpu-budget.js';
export { bringCt2Library, hasCt2Library } from './ct2-library.js';
export { decodingOptions } from './decoding-options.js';
export type * from './engine.js';
export { EngineError, type EngineErrorCode } from './engine-error.js';
export {
  type EngineBuild,
  type EngineKind,
  type EngineProgram,
  engineDir,
  enginePath,
  programPath,
} from './engine-files.js';
export { type EngineOptions, openEngine } from './open-engine.js';
