import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';

/** The page built beside this service, both from sources and from dist. */
const BESIDE = fileURLToPath(new URL('../../../web/dist', import.meta.url));

/** Whatever begins so belongs to a program, and its 404 is a problem, never the page. */
const NOT_THE_PAGE = /^\/(api|v1|asr|detect-language|docs|openapi\.json|health|metrics)(\/|$)/;

const NOT_BUILT = `<!doctype html><meta charset="utf-8"><title>MediaJob</title>
<p>The service runs, but its page has not been built. Run <code>npm run build</code> and reload. The API is described at <a href="/docs">/docs</a>.</p>
`;

/**
 * Serves the built web page: files with a hash in their name for ever, everything else asked for anew each time, and
 * index.html for every address of the page.
 *
 * @param directory MEDIAJOB_WEB_DIR; the page beside the service when left out
 */
export function servePage(app: NestExpressApplication, directory: string | undefined): void {
  const root = resolve(directory ?? BESIDE);
  const index = join(root, 'index.html');
  app.useStaticAssets(root, {
    index: false,
    redirect: false,
    dotfiles: 'ignore',
    setHeaders(response: Response, path: string) {
      response.locals.route = 'page';
      const hashed = path.startsWith(join(root, 'assets/'));
      response.setHeader('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  app.use((request: Request, response: Response, next: NextFunction) => {
    const asksForPage =
      (request.method === 'GET' || request.method === 'HEAD') &&
      !NOT_THE_PAGE.test(request.path) &&
      !/\.[a-z0-9]{1,5}$/i.test(request.path) &&
      request.accepts(['html', 'json']) === 'html';
    if (!asksForPage) return next();
    response.locals.route = 'page';
    response.setHeader('cache-control', 'no-cache');
    if (!existsSync(index)) {
      response.status(503).type('html').send(NOT_BUILT);
      return;
    }
    response.sendFile(index, { cacheControl: false }, (error?: Error) => {
      if (error) next(error);
    });
  });
}
