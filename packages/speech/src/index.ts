export * from './engine/index.js';
export * from './models/index.js';
export * from './quality/index.js';
export * from './text/index.js';
