import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { ExitCode } from '@mediajob/contract';
import type { ServiceEnv } from '../core/config.js';
import { startWatchdog } from '../core/watchdog.js';
import { type RunningService, type ServiceOptions, startService } from './service.js';

/** Added to the grace before a shutdown that hangs is cut off. */
const HARD_LIMIT_MS = 5000;
/** Signals that follow the first one sooner than this are the same wish. */
const IMPATIENT_AFTER_MS = 1000;

/**
 * Runs a service as this process: starts it, ends it on SIGTERM or SIGINT (or when the process that started it with an
 * IPC channel is gone), and ends a process whose event loop hangs. The same signal a second time ends it at once.
 *
 * Exit codes: 0 ended as asked, 64 a setting is wrong, 69 the port cannot be had, 70 anything else.
 */
export async function bootstrapService<Env extends ServiceEnv>(options: ServiceOptions<Env>): Promise<void> {
  // Files are for the group as well, never for the world: DESIGN §6.
  process.umask(0o007);
  let service: RunningService<Env>;
  try {
    service = await startService(options);
  } catch (error) {
    end(error, options.name);
  }
  const { context } = service;
  const watchdog = startWatchdog(context.env.MEDIAJOB_WATCHDOG);
  let asked: { reason: string; at: number } | undefined;
  const stop = (reason: string, exitCode: number) => {
    if (asked !== undefined) {
      // Ctrl-C reaches a process twice at once, by the terminal and by npm, and then as SIGTERM by whoever started it:
      // only the same signal again, after a moment, is a person who does not want to wait.
      if (reason !== asked.reason || Date.now() - asked.at < IMPATIENT_AFTER_MS) return;
      // Children end with us: ffmpeg by its parent-death signal, the engine at the end of its stdin.
      service.flushSync();
      process.exit(exitCode);
    }
    asked = { reason, at: Date.now() };
    setTimeout(() => {
      context.logger.fatal('the shutdown hangs; ending now');
      service.flushSync();
      process.exit(ExitCode.Internal);
    }, context.env.MEDIAJOB_SHUTDOWN_GRACE + HARD_LIMIT_MS).unref();
    void service
      .stop(reason)
      .then(() => watchdog.stop())
      .finally(() => {
        service.flushSync();
        process.exit(0);
      });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => stop(signal, 128 + constants.signals[signal]));
  }
  // The starter holds the other end; when it is killed, nobody else will end us.
  if (process.channel !== undefined) {
    process.channel.unref();
    process.once('disconnect', () => stop('the process that started this one is gone', 0));
  }
  const crash = (error: unknown) => {
    context.logger.fatal({ err: error }, 'unexpected error; ending, to be started again');
    service.flushSync();
    process.exit(ExitCode.Internal);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

function end(error: unknown, name: string): never {
  const known = error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number';
  const text = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeSync(2, `${name} does not start.\n${text}\n`);
  process.exit(known ? (error.exitCode as number) : ExitCode.Internal);
}
