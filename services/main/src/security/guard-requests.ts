import type { MainEnv } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';
import { type ServiceContext, sendProblem } from '@mediajob/service/nest';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { hostNameOf, hostRule } from './allowed-hosts.js';
import { mayChange } from './cross-site.js';

/** What the page may do: everything from here, nothing inline, no plug-ins, no frames, no strings turned into markup. */
const PAGE_POLICY = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  mediaSrc: ["'self'", 'blob:'],
  connectSrc: ["'self'"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  requireTrustedTypesFor: ["'script'"],
};
/** Swagger’s page brings its own styles and builds markup from strings; it still runs no script but its files. */
const { requireTrustedTypesFor: _, ...WITHOUT_TRUSTED_TYPES } = PAGE_POLICY;
const DOCS_POLICY = { ...WITHOUT_TRUSTED_TYPES, styleSrc: ["'self'", "'unsafe-inline'"] };

/** A connection that moves no byte for this long is closed; uploads and event streams have limits of their own. */
const SILENCE_MS = 120_000;

/** Probes of an orchestrator come by address, whatever the service is called. */
const isProbe = (path: string) => path === '/health' || path.startsWith('/health/');

/** First in line for every request: whom we answer, who may change something, and the headers of every answer. */
export function guardRequests(app: NestExpressApplication, service: ServiceContext<MainEnv>): void {
  const { env, audit } = service;
  const allowed = hostRule(env.MEDIAJOB_HOST, env.MEDIAJOB_ALLOWED_HOSTS);
  app.set('trust proxy', env.MEDIAJOB_TRUST_PROXY ? 1 : false);
  // Uploads take as long as they take; Node's limit for whole requests would end them after 5 minutes.
  app.getHttpServer().requestTimeout = 0;

  const shared = {
    // Plain HTTP is what this service speaks; whoever puts TLS in front of it says so there.
    strictTransportSecurity: false,
    crossOriginEmbedderPolicy: false,
    referrerPolicy: { policy: 'no-referrer' as const },
    xFrameOptions: { action: 'deny' as const },
  };
  const page = helmet({ ...shared, contentSecurityPolicy: { useDefaults: false, directives: PAGE_POLICY } });
  const docs = helmet({ ...shared, contentSecurityPolicy: { useDefaults: false, directives: DOCS_POLICY } });

  app.use((request: Request, response: Response, next: NextFunction) => {
    request.setTimeout(SILENCE_MS);
    const headers = /^\/docs(\/|$)/.test(request.path) ? docs : page;
    headers(request, response, (error?: unknown) => {
      if (error !== undefined) return next(error);
      const refused = refusal(request);
      if (refused === undefined) return next();
      const kind = refused.code === 'cross-site-refused' ? 'cross-site' : 'host-not-allowed';
      audit.suspicious({ kind, actor: request.ip, object: request.path, detail: { origin: request.get('origin') } });
      sendProblem(refused, request, response, service);
    });
  });

  function refusal(request: Request): ProblemError | undefined {
    const forwarded = env.MEDIAJOB_TRUST_PROXY ? request.get('x-forwarded-host')?.split(',')[0]?.trim() : undefined;
    const host = forwarded ?? request.get('host');
    const name = hostNameOf(host);
    if ((name === undefined || !allowed(name)) && !isProbe(request.path)) {
      return new ProblemError(
        'forbidden',
        'This service is not reached under this name. Its administrator can add it to MEDIAJOB_ALLOWED_HOSTS.',
      );
    }
    const origin = {
      method: request.method,
      host,
      fetchSite: request.get('sec-fetch-site'),
      origin: request.get('origin'),
      authorization: request.get('authorization'),
    };
    if (mayChange(origin)) return undefined;
    return new ProblemError(
      'cross-site-refused',
      'This request comes from a page of another site and was not carried out. Use this service’s own page, or send a bearer token.',
    );
  }
}
