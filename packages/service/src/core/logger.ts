import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type DestinationStream, destination, type Logger, multistream, pino, stdTimeFunctions } from 'pino';
import type { Counter } from 'prom-client';
import type { ServiceEnv } from './config.js';
import { LogFiles } from './log-files.js';
import { sweepLogFolders, touchLogFolder } from './log-sweep.js';
import { requestContext } from './request-context.js';

export type { Logger } from 'pino';

export interface LoggerOptions {
  service: string;
  instance: string;
  env: Pick<
    ServiceEnv,
    | 'MEDIAJOB_DATA_DIR'
    | 'MEDIAJOB_LOG_LEVEL'
    | 'MEDIAJOB_LOG_FILES'
    | 'MEDIAJOB_LOG_MAX_BYTES'
    | 'MEDIAJOB_LOG_KEEP'
    | 'MEDIAJOB_LOG_DEAD_INSTANCE_TTL'
  >;
  /** log_drops_total{sink} */
  drops: Counter<'sink'>;
  /** Where lines go first; stdout when left out. */
  stdout?: DestinationStream;
}

export interface ServiceLogger {
  readonly logger: Logger;
  /** Writes what is buffered; then lines go to stdout only. */
  close(): Promise<void>;
  /** For the last moments of a process that crashes. */
  flushSync(): void;
}

const HEARTBEAT_MS = 10 * 60_000;
const SWEEP_EVERY_HEARTBEATS = 6;
/** Bytes kept for a reader of stdout that does not keep up; beyond, lines are dropped. */
const MAX_STDOUT_BUFFER = 4 * 1024 * 1024;

/**
 * JSON lines to stdout and, unless switched off, to `<data>/logs/<service>/<instance>/app.N.log`.
 * Every line carries service, instance and, on behalf of a request, its requestId and traceparent.
 * Neither a full disk nor a closed stdout ever stops the service; lost lines are counted.
 */
export function createLogger(options: LoggerOptions): ServiceLogger {
  const { service, instance, env, drops } = options;
  const stdout = options.stdout ?? safeStdout(() => drops.inc({ sink: 'stdout' }));
  const streams = [{ level: 'trace' as const, stream: stdout }];
  const folder = resolve(env.MEDIAJOB_DATA_DIR, 'logs', service, instance);
  let files: LogFiles | undefined;
  if (env.MEDIAJOB_LOG_FILES) {
    files = new LogFiles({
      folder,
      maxBytes: env.MEDIAJOB_LOG_MAX_BYTES,
      keep: env.MEDIAJOB_LOG_KEEP,
      onDrop: (lines) => drops.inc({ sink: 'file' }, lines),
      onState: (state, error) => {
        if (state === 'recovered') logger.info({ folder }, 'log files can be written again');
        else
          logger.warn(
            { folder, err: error },
            'log files cannot be written; lines go to stdout only. Check space and rights of this folder',
          );
      },
    });
    streams.push({ level: 'trace', stream: files });
  }
  const logger = pino(
    {
      level: env.MEDIAJOB_LOG_LEVEL,
      base: { service, instance },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => ({ ...requestContext() }),
      redact: ['req.headers.authorization', 'req.headers.cookie', 'headers.authorization', 'headers.cookie'],
    },
    multistream(streams),
  );
  const stopHeartbeat = files === undefined ? () => {} : keepLogFolder(folder, instance, env, logger);
  return {
    logger,
    async close() {
      stopHeartbeat();
      await files?.close();
    },
    flushSync() {
      files?.flushSync();
      try {
        if ('flushSync' in stdout && typeof stdout.flushSync === 'function') stdout.flushSync();
      } catch {
        // Nobody reads stdout any more.
      }
    },
  };
}

function safeStdout(onDrop: () => void): DestinationStream {
  const stdout = destination({ dest: 1, sync: false, maxLength: MAX_STDOUT_BUFFER });
  // Without a listener an error of stdout (a full disk behind a redirection) would end the process.
  stdout.on('error', onDrop);
  stdout.on('drop', onDrop);
  return stdout;
}

function keepLogFolder(folder: string, own: string, env: LoggerOptions['env'], logger: Logger): () => void {
  let beats = 0;
  const beat = async () => {
    try {
      if (beats === 0) await mkdir(folder, { recursive: true });
      await touchLogFolder(folder, new Date());
      if (beats++ % SWEEP_EVERY_HEARTBEATS !== 0) return;
      const ttlMs = env.MEDIAJOB_LOG_DEAD_INSTANCE_TTL;
      const removed = await sweepLogFolders({ serviceFolder: dirname(folder), own, ttlMs, now: new Date() });
      if (removed.length > 0) logger.info({ removed }, 'removed logs of instances that are gone');
    } catch (error) {
      logger.debug({ err: error, folder }, 'log folders could not be tended');
    }
  };
  void beat();
  const timer = setInterval(() => void beat(), HEARTBEAT_MS).unref();
  return () => clearInterval(timer);
}
