import { Controller, type DynamicModule, Get, HttpCode, Inject, Module, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  HealthCheckService,
  type HealthIndicatorResult,
  HealthIndicatorService,
  TerminusModule,
} from '@nestjs/terminus';
import type { Response } from 'express';
import { CachedCheck, type HealthCheck } from '../core/health.js';
import { InjectContext, type ServiceContext } from './context.js';

const CHECKS = Symbol('HEALTH_CHECKS');

@ApiTags('health')
@Controller('health')
class HealthController {
  readonly #service: ServiceContext;
  readonly #checks: readonly CachedCheck[];
  readonly #health: HealthCheckService;
  readonly #indicators: HealthIndicatorService;

  constructor(
    @InjectContext() service: ServiceContext,
    @Inject(CHECKS) checks: readonly CachedCheck[],
    @Inject(HealthCheckService) health: HealthCheckService,
    @Inject(HealthIndicatorService) indicators: HealthIndicatorService,
  ) {
    this.#service = service;
    this.#checks = checks;
    this.#health = health;
    this.#indicators = indicators;
  }

  @Get()
  @ApiOperation({ summary: 'Everything, for people. 200 also when only a peer is down: degraded.' })
  async everything(@Res() response: Response): Promise<void> {
    await this.#answer(this.#checks, response);
  }

  @Get('live')
  @HttpCode(200)
  @ApiOperation({ summary: 'Whether the event loop answers; touches neither disk nor peers.' })
  live(): { status: 'ok'; instance: string } {
    return { status: 'ok', instance: this.#service.instance };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Whether this instance can do its own work. Degraded is ready; 503 while it shuts down.' })
  async ready(@Res() response: Response): Promise<void> {
    await this.#answer(
      this.#checks.filter((check) => check.kind === 'own'),
      response,
    );
  }

  async #answer(checks: readonly CachedCheck[], response: Response): Promise<void> {
    const { name, version, instance, startedAt, shutdown } = this.#service;
    const about = { service: name, version, instance, startedAt: startedAt.toISOString() };
    const result = await this.#health
      .check(checks.map((check) => () => this.#indicate(check)))
      // Terminus answers `error` by throwing; its result is the exception's response.
      .catch((thrown: { getResponse(): object }) => thrown.getResponse() as { status: string });
    const status = shutdown.draining ? 'shutting_down' : result.status;
    response
      .status(status === 'ok' || status === 'degraded' ? 200 : 503)
      .set('cache-control', 'no-store')
      .json({ ...result, status, ...about });
  }

  async #indicate(check: CachedCheck): Promise<HealthIndicatorResult> {
    const { status, message, data } = await check.find();
    const fields = { ...data, ...(message === undefined ? {} : { message }) };
    const indicator = this.#indicators.check(check.name);
    if (status === 'up') return indicator.up(fields);
    return status === 'degraded' ? indicator.degraded(fields) : indicator.down(fields);
  }
}

/** /health, /health/live and /health/ready over the given checks. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module is such a class in Nest
export class HealthModule {
  static forRoot(options: { checks: readonly HealthCheck[] }): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [{ provide: CHECKS, useValue: options.checks.map((check) => new CachedCheck(check)) }],
    };
  }
}
