export * from './models/index.js';
export * from './text/index.js';
