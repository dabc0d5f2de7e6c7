import { writeSync } from 'node:fs';
import { ExitCode, OperatorEnv } from '@mediajob/contract';
import { KubeConfigError } from '@mediajob/kube';
import { ConfigError, loadEnv, startWatchdog, unknownSettings, versionOf } from '@mediajob/service';
import { createOperatorService, type OperatorServiceOptions, releaseAll } from './operator-service.js';

/** Added to the grace before an end that hangs is cut off, in ms. */
const HARD_LIMIT_MS = 5_000;

/**
 * The operator as a process. Exit codes: 0 ended as asked, 64 a setting is wrong, 70 anything else, a Lease that was lost
 * among them: whoever started it starts it again. `release-finalizers` as its argument lets go of all MediaJobs instead.
 */
async function main(): Promise<number> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  const options: OperatorServiceOptions = {
    env: loadEnv(OperatorEnv, process.env),
    version: versionOf(new URL('../package.json', import.meta.url)),
  };
  if (process.argv[2] === 'release-finalizers') {
    await releaseAll(options);
    return ExitCode.Succeeded;
  }
  const service = await createOperatorService(options);
  const { logger } = service;
  const crash = (error: unknown) => {
    logger.fatal({ err: error }, 'unexpected error; ending, to be started again');
    service.flushSync();
    process.exit(ExitCode.Internal);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  const unknown = unknownSettings(process.env);
  if (unknown.length > 0) logger.warn({ unknown }, 'these settings are unknown and have no effect; are they misspelt?');
  const watchdog = startWatchdog(options.env.MEDIAJOB_WATCHDOG);
  stop.signal.addEventListener('abort', () => {
    logger.info({}, 'shutting down');
    setTimeout(() => {
      logger.fatal('the shutdown hangs; ending now');
      service.flushSync();
      process.exit(ExitCode.Internal);
    }, options.env.MEDIAJOB_SHUTDOWN_GRACE + HARD_LIMIT_MS).unref();
  });
  logger.info({ version: options.version, node: process.version }, 'the operator starts');
  const end = await service.run(stop.signal);
  await watchdog.stop();
  service.flushSync();
  return end === 'lost' ? ExitCode.Internal : ExitCode.Succeeded;
}

/** Nothing is left to do: timers of libraries do not keep the process. */
try {
  process.exit(await main());
} catch (error) {
  // What a person set wrongly is told without the way through our code.
  const known = error instanceof ConfigError || error instanceof KubeConfigError;
  const text = known ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeSync(2, `The operator does not start, or had to end.\n${text}\n`);
  process.exit(known ? ExitCode.InvalidArguments : ExitCode.Internal);
}
