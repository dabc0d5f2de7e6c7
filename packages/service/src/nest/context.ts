import { Inject } from '@nestjs/common';
import type { AuditLog } from '../core/audit.js';
import type { ServiceEnv } from '../core/config.js';
import type { Logger } from '../core/logger.js';
import type { ServiceMetrics } from '../core/metrics.js';
import type { RunMeter } from '../core/run-meter.js';
import type { Shutdown } from '../core/shutdown.js';
import type { EventStreams } from '../core/sse.js';

/** What a running service has, made before its modules are. Injected by `@InjectContext()`. */
export interface ServiceContext<Env extends ServiceEnv = ServiceEnv> {
  /** main, converter or transcriber. */
  readonly name: string;
  readonly version: string;
  /** New at each start. */
  readonly instance: string;
  readonly startedAt: Date;
  readonly env: Env;
  readonly logger: Logger;
  readonly metrics: ServiceMetrics;
  readonly audit: AuditLog;
  readonly shutdown: Shutdown;
  readonly streams: EventStreams;
  readonly meter: RunMeter;
}

export const SERVICE_CONTEXT = Symbol('SERVICE_CONTEXT');

/** Parameter decorator: the service's context. */
export const InjectContext = (): ParameterDecorator & PropertyDecorator => Inject(SERVICE_CONTEXT);
