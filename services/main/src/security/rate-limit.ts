import { ProblemError } from '@mediajob/service';
import { SERVICE_CONTEXT, type ServiceContext } from '@mediajob/service/nest';
import { type DynamicModule, type ExecutionContext, Inject, Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import {
  getOptionsToken,
  getStorageToken,
  ThrottlerGuard,
  type ThrottlerLimitDetail,
  ThrottlerModule,
  type ThrottlerModuleOptions,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { Request } from 'express';

const MINUTE_MS = 60_000;

/** One bucket an address. It is counted in this process: several instances allow as many times more. */
class AddressLimit extends ThrottlerGuard {
  readonly #service: ServiceContext;

  constructor(
    @Inject(getOptionsToken()) options: ThrottlerModuleOptions,
    @Inject(getStorageToken()) storage: ThrottlerStorage,
    @Inject(Reflector) reflector: Reflector,
    @Inject(SERVICE_CONTEXT) service: ServiceContext,
  ) {
    super(options, storage, reflector);
    this.#service = service;
  }

  /** Probes of an orchestrator must never find a busy instance dead. */
  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    return /^\/health(\/|$)/.test(context.switchToHttp().getRequest<Request>().path);
  }

  /** One bucket for all routes: the limit is of requests, not of requests to each address. */
  protected override generateKey(_context: ExecutionContext, tracker: string, name: string): string {
    return `${name}-${tracker}`;
  }

  protected override async throwThrottlingException(
    context: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    const request = context.switchToHttp().getRequest<Request>();
    const seconds = Math.max(1, Math.ceil(detail.timeToBlockExpire || detail.timeToExpire));
    this.#service.audit.suspicious({ kind: 'rate-limited', actor: request.ip });
    throw new ProblemError(
      'too-many-requests',
      `More than ${detail.limit} requests a minute came from your address. Try again in ${seconds} s.`,
      { headers: { 'retry-after': String(seconds) } },
    );
  }
}

@Module({})
class RateLimitModule {}

/** @param perMinute requests an address may make a minute */
export function rateLimitModule(perMinute: number): DynamicModule {
  return {
    module: RateLimitModule,
    imports: [ThrottlerModule.forRoot({ throttlers: [{ ttl: MINUTE_MS, limit: perMinute }], setHeaders: false })],
    providers: [{ provide: APP_GUARD, useClass: AddressLimit }],
  };
}
