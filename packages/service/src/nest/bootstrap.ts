import { writeSync } from 'node:fs';
import { constants } from 'node:os';
import { ExitCode } from '@mediajob/contract';
import type { ServiceEnv } from '../core/config.js';
import { startWatchdog } from '../core/watchdog.js';
import { type ServiceOptions, startService } from './service.js';

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
  // Listens before the start, so that a signal which comes during it is not lost.
  const stopRequest = listenForStop();
  const service = await startService(options).catch((error: unknown) => end(error, options.name));
  const { env, logger } = service.context;
  const crash = (error: unknown) => {
    logger.fatal({ err: error }, 'unexpected error; ending, to be started again');
    service.flushSync();
    process.exit(ExitCode.Internal);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  const watchdog = startWatchdog(env.MEDIAJOB_WATCHDOG);

  const { reason, impatient } = await stopRequest;
  impatient((exitCode) => {
    // Children end with us: ffmpeg by its parent-death signal, the engine at the end of its stdin.
    service.flushSync();
    process.exit(exitCode);
  });
  setTimeout(() => {
    logger.fatal('the shutdown hangs; ending now');
    service.flushSync();
    process.exit(ExitCode.Internal);
  }, env.MEDIAJOB_SHUTDOWN_GRACE + HARD_LIMIT_MS).unref();
  await service.stop(reason);
  await watchdog.stop();
  service.flushSync();
  process.exit(0);
}

interface StopRequest {
  reason: string;
  /** Calls `act` with the exit code when the same signal comes again, after a moment. */
  impatient(act: (exitCode: number) => void): void;
}

function listenForStop(): Promise<StopRequest> {
  return new Promise((resolve) => {
    let asked: { reason: string; at: number } | undefined;
    let again: ((exitCode: number) => void) | undefined;
    const ask = (reason: string, exitCode: number) => {
      if (asked === undefined) {
        asked = { reason, at: Date.now() };
        resolve({
          reason,
          impatient: (act) => {
            again = act;
          },
        });
      } else if (reason === asked.reason && Date.now() - asked.at >= IMPATIENT_AFTER_MS) {
        // Ctrl-C reaches a process twice at once, by the terminal and by npm, and then as SIGTERM by whoever started
        // it: only the same signal again, after a moment, is a person who does not want to wait.
        if (again === undefined) process.exit(exitCode);
        again(exitCode);
      }
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => ask(signal, 128 + constants.signals[signal]));
    }
    // The starter holds the other end; when it is killed, nobody else will end us.
    if (process.channel !== undefined) {
      process.channel.unref();
      process.once('disconnect', () => ask('the process that started this one is gone', 0));
    }
  });
}

function end(error: unknown, name: string): never {
  const known = error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number';
  const text = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeSync(2, `${name} does not start.\n${text}\n`);
  process.exit(known ? (error.exitCode as number) : ExitCode.Internal);
}
