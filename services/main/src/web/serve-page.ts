import { existsSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';

/** The page built beside this service, both from sources and from dist. */
const BESIDE = fileURLToPath(new URL('../../../web/dist', import.meta.url));

/** Whatever begins so belongs to a program, and its 404 is a problem, never the page. */
const NOT_THE_PAGE = /^\/(api|v1|asr|detect-language|docs|openapi\.json|health|metrics)(\/|$)/;

/** Files of the build that may lie packed beside themselves. No name with a leading dot, so none that leads elsewhere. */
const PACKABLE = /^\/(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.(?:js|css|svg|html|json|map)$/;
/** Smallest first. */
const PACKED = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>MediaJob</title>
<p>The service runs, but its page has not been built. Run <code>npm run build</code> and reload. The API is described at <a href="/docs">/docs</a>.</p>
`;

/**
 * Serves the built web page: files with a hash in their name for ever, everything else asked for anew each time, and
 * index.html for every address of the page. What the build left packed (brotli, gzip) is sent as it is to who takes it.
 *
 * @param directory MEDIAJOB_WEB_DIR; the page beside the service when left out
 */
export function servePage(app: NestExpressApplication, directory: string | undefined): void {
  const root = resolve(directory ?? BESIDE);
  const index = join(root, 'index.html');
  const setHeaders = (response: Response, path: string): void => {
    response.locals.route = 'page';
    const hashed = path.startsWith(join(root, 'assets/'));
    response.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    // Also of what is sent as it is: a cache must not hand one reader's encoding to another.
    response.vary('Accept-Encoding');
  };
  app.use((request: Request, response: Response, next: NextFunction) => {
    const packed =
      isRead(request) && PACKABLE.test(request.path) ? packedFor(request, join(root, request.path)) : undefined;
    if (packed === undefined) return next();
    setHeaders(response, packed.path);
    send(response, packed, next);
  });
  app.useStaticAssets(root, { index: false, redirect: false, dotfiles: 'ignore', setHeaders });
  app.use((request: Request, response: Response, next: NextFunction) => {
    const asksForPage =
      isRead(request) &&
      !NOT_THE_PAGE.test(request.path) &&
      !/\.[a-z0-9]{1,5}$/i.test(request.path) &&
      request.accepts(['html', 'json']) === 'html';
    if (!asksForPage) return next();
    setHeaders(response, index);
    if (!existsSync(index)) {
      response.status(503).type('html').send(NOT_BUILT);
      return;
    }
    send(response, packedFor(request, index) ?? { path: index }, next);
  });
}

interface Sent {
  readonly path: string;
  readonly encoding?: string;
}

function isRead(request: Request): boolean {
  return request.method === 'GET' || request.method === 'HEAD';
}

/** The smallest packed file beside this one that the reader takes. */
function packedFor(request: Request, path: string): Sent | undefined {
  for (const [encoding, ending] of PACKED)
    if (request.acceptsEncodings(encoding) === encoding && existsSync(path + ending))
      return { path: path + ending, encoding };
  return undefined;
}

function send(response: Response, { path, encoding }: Sent, next: NextFunction): void {
  if (encoding !== undefined) {
    response.setHeader('content-encoding', encoding);
    response.type(extname(path.replace(/\.(br|gz)$/, '')));
  }
  response.sendFile(path, { cacheControl: false }, (error?: Error) => {
    if (error) next(error);
  });
}
