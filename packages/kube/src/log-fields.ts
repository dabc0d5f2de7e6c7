import type { KubeLogger } from './environment.js';

/** A logger whose lines all carry these fields. */
export function withFields(log: KubeLogger, fields: object): KubeLogger {
  return {
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (more, message) => log.info({ ...fields, ...more }, message),
    warn: (more, message) => log.warn({ ...fields, ...more }, message),
    error: (more, message) => log.error({ ...fields, ...more }, message),
  };
}
