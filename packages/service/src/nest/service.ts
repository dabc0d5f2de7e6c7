import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { DestinationStream } from 'pino';
import type { z } from 'zod';
import { auditLog } from '../core/audit.js';
import { loadEnv, type ServiceEnv, unknownSettings } from '../core/config.js';
import { newInstanceId } from '../core/instance.js';
import { createLogger } from '../core/logger.js';
import { createMetrics, serveMetrics } from '../core/metrics.js';
import { RunMeter } from '../core/run-meter.js';
import { Shutdown } from '../core/shutdown.js';
import { EventStreams } from '../core/sse.js';
import { SERVICE_CONTEXT, type ServiceContext } from './context.js';
import { httpMiddleware } from './http.middleware.js';
import { listenError } from './listen-error.js';
import { NestLogger } from './nest-logger.js';
import { serveOpenApi } from './openapi.js';
import { ProblemFilter } from './problem.filter.js';
import { validationPipe } from './validation.pipe.js';

export interface ServiceOptions<Env extends ServiceEnv> {
  name: 'main' | 'converter' | 'transcriber';
  version: string;
  /** One sentence for /docs. */
  description: string;
  /** The settings' schema; its output is `context.env`. */
  env: z.ZodType<Env>;
  /** process.env when left out. */
  environment?: Readonly<Record<string, string | undefined>>;
  /** The service's own module, HealthModule among its imports. */
  module(context: ServiceContext<Env>): DynamicModule | Type | Promise<DynamicModule | Type>;
  /** Mounts what is not a Nest route: middlewares, static files. Runs before the routes and the body parser. */
  configure?(app: NestExpressApplication, context: ServiceContext<Env>): void | Promise<void>;
  /** Largest JSON body, such as 1mb. */
  bodyLimit?: string;
  /** Where log lines go; stdout when left out. */
  stdout?: DestinationStream;
  /** Metrics of the process: once a process, so tests with several services switch them off. */
  processMetrics?: boolean;
}

export interface RunningService<Env extends ServiceEnv = ServiceEnv> {
  readonly app: NestExpressApplication;
  readonly context: ServiceContext<Env>;
  /** The port it listens on, also when 0 was asked for. */
  readonly port: number;
  readonly metricsPort: number;
  /** The whole end of DESIGN §7; afterwards nothing of the service is left in the process. */
  stop(reason: string): Promise<void>;
  /** For the last moments of a process that crashes. */
  flushSync(): void;
}

@Module({})
class RootModule {}

/**
 * Starts a service inside this process: configuration, log, metrics, its modules, and its port. Signals and exit
 * codes are left to `bootstrapService`.
 *
 * @throws ConfigError, PortTakenError, and what the service's own module throws
 */
export async function startService<Env extends ServiceEnv>(options: ServiceOptions<Env>): Promise<RunningService<Env>> {
  const environment = options.environment ?? process.env;
  const env = loadEnv(options.env, environment);
  const { name, version } = options;
  const instance = newInstanceId(env.MEDIAJOB_INSTANCE);
  const metrics = createMetrics({
    service: name,
    version,
    ...(options.processMetrics === undefined ? {} : { processMetrics: options.processMetrics }),
  });
  const log = createLogger({
    service: name,
    instance,
    env,
    drops: metrics.logDrops,
    ...(options.stdout === undefined ? {} : { stdout: options.stdout }),
  });
  const { logger } = log;
  const unknown = unknownSettings(environment);
  if (unknown.length > 0) logger.warn({ unknown }, 'these settings are unknown and have no effect; are they misspelt?');
  const shutdown = new Shutdown({ graceMs: env.MEDIAJOB_SHUTDOWN_GRACE, logger });
  const streams = new EventStreams();
  const context: ServiceContext<Env> = {
    name,
    version,
    instance,
    startedAt: new Date(),
    env,
    logger,
    metrics,
    audit: auditLog(logger, metrics),
    shutdown,
    streams,
    meter: new RunMeter(),
  };
  const undo: (() => Promise<void> | void)[] = [() => log.close(), () => context.meter.close()];
  try {
    const host = env.MEDIAJOB_HOST;
    const metricsServer = await serveMetrics(metrics.registry, host, env.MEDIAJOB_METRICS_PORT).catch((error) => {
      throw listenError(error, host, env.MEDIAJOB_METRICS_PORT, 'MEDIAJOB_METRICS_PORT');
    });
    undo.unshift(() => metricsServer.close());
    const app = await createApp(options, context);
    undo.unshift(() => app.close());
    await app.listen(env.MEDIAJOB_PORT, host).catch((error: unknown) => {
      throw listenError(error, host, env.MEDIAJOB_PORT, 'MEDIAJOB_PORT');
    });
    const { port } = app.getHttpServer().address() as AddressInfo;
    shutdown.on('stop-taking', 'event streams', () => streams.closeAll());
    shutdown.on('flush', 'server', () => app.close());
    logger.info({ host, port, metricsPort: metricsServer.port, version, node: process.version }, 'listening');
    let stopped: Promise<void> | undefined;
    return {
      app,
      context,
      port,
      metricsPort: metricsServer.port,
      flushSync: () => log.flushSync(),
      stop(reason) {
        stopped ??= shutdown.run(reason).then(async () => {
          await metricsServer.close();
          context.meter.close();
          logger.info({ reason }, 'ended');
          await log.close();
        });
        return stopped;
      },
    };
  } catch (error) {
    for (const step of undo) await Promise.resolve(step()).catch(() => {});
    log.flushSync();
    throw error;
  }
}

async function createApp<Env extends ServiceEnv>(
  options: ServiceOptions<Env>,
  context: ServiceContext<Env>,
): Promise<NestExpressApplication> {
  const root: DynamicModule = {
    module: RootModule,
    global: true,
    imports: [await options.module(context)],
    providers: [{ provide: SERVICE_CONTEXT, useValue: context }],
    exports: [SERVICE_CONTEXT],
  };
  const app = await NestFactory.create<NestExpressApplication>(root, {
    logger: new NestLogger(context.logger),
    abortOnError: false,
    bodyParser: false,
    // A keep-alive connection must not hold up the end; running requests have been waited for by then.
    forceCloseConnections: true,
    routeConflictPolicy: { duplicate: 'error' },
  });
  app.disable('x-powered-by');
  app.use(httpMiddleware(context));
  app.useGlobalFilters(new ProblemFilter(context));
  app.useGlobalPipes(validationPipe());
  await options.configure?.(app, context);
  app.useBodyParser('json', { limit: options.bodyLimit ?? '1mb' });
  serveOpenApi(app, {
    title: `MediaJob ${options.name}`,
    description: options.description,
    version: options.version,
  });
  return app;
}
