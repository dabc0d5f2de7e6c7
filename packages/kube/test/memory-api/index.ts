export * from './built-in-kinds.js';
export * from './client.js';
export * from './errors.js';
export * from './garbage.js';
export * from './server.js';
export * from './simulation.js';
export type { KindOptions } from './table.js';
export * from './world.js';
