export { type BuildOptions, buildEngine } from './build.js';
export { BuildError } from './build-error.js';
export { cacheDir } from './cache-dir.js';
export { type CpuBudget, cpuBudget, statesFor } from './cpu-budget.js';
export { decodingOptions } from './decoding-options.js';
export type * from './engine.js';
export { EngineError, type EngineErrorCode } from './engine-error.js';
export { type EngineBuild, type EngineProgram, engineDir, enginePath, programPath } from './engine-files.js';
export { type EngineOptions, openEngine } from './open-engine.js';
