export { cacheDir } from './cache-dir.js';
export { decodingOptions } from './decoding-options.js';
export type * from './engine.js';
export { EngineError, type EngineErrorCode } from './engine-error.js';
export { type EngineOptions, openEngine } from './open-engine.js';
