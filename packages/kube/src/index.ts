export * from './api.js';
export * from './environment.js';
export * from './error.js';
export * from './kind.js';
export * from './kinds.js';
export * from './object.js';
