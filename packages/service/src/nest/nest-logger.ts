import type { LoggerService } from '@nestjs/common';
import type { Logger } from '../core/logger.js';

/** Nest's own lines in our log; its chatter at the start is for debugging. */
export class NestLogger implements LoggerService {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#logger.debug(fieldsOf(rest), text(message));
  }
  verbose(message: unknown, ...rest: unknown[]): void {
    this.#logger.trace(fieldsOf(rest), text(message));
  }
  debug(message: unknown, ...rest: unknown[]): void {
    this.#logger.debug(fieldsOf(rest), text(message));
  }
  warn(message: unknown, ...rest: unknown[]): void {
    this.#logger.warn(fieldsOf(rest), text(message));
  }
  error(message: unknown, ...rest: unknown[]): void {
    this.#logger.error({ ...fieldsOf(rest), ...(message instanceof Error ? { err: message } : {}) }, text(message));
  }
  fatal(message: unknown, ...rest: unknown[]): void {
    this.#logger.fatal(fieldsOf(rest), text(message));
  }
}

function text(message: unknown): string {
  if (message instanceof Error) return message.message;
  return typeof message === 'string' ? message : JSON.stringify(message);
}

/** Nest hands over its context last, and for errors the stack before it. */
function fieldsOf(rest: readonly unknown[]): { context?: string; stack?: string } {
  const strings = rest.filter((it): it is string => typeof it === 'string');
  const context = strings.at(-1);
  const stack = strings.length > 1 ? strings[0] : undefined;
  return { ...(context === undefined ? {} : { context }), ...(stack === undefined ? {} : { stack }) };
}
