import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningMain, startMain } from './running-main.js';

let web: string;
let main: RunningMain;
beforeAll(async () => {
  web = await mkdtemp(join(tmpdir(), 'mediajob-web-'));
  await mkdir(join(web, 'assets'));
  await writeFile(join(web, 'index.html'), '<!doctype html><title>the page</title>');
  await writeFile(join(web, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(web, 'assets', 'index-abc123.js'), 'export {};');
  for (const name of ['index.html', 'assets/index-abc123.js']) {
    const text = await readFile(join(web, name));
    await writeFile(join(web, `${name}.br`), brotliCompressSync(text));
    await writeFile(join(web, `${name}.gz`), gzipSync(text));
  }
  await writeFile(join(web, '.env'), 'secret');
  main = await startMain({ MEDIAJOB_WEB_DIR: web });
});
afterAll(async () => {
  await main[Symbol.asyncDispose]();
  await rm(web, { recursive: true, force: true });
});

/** fetch() sets Host and Sec-Fetch-Site itself; a test must be able to lie. */
function ask(
  to: RunningMain,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: to.port, path, method, headers }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => {
        body += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    });
    request.on('error', reject).end();
  });
}

describe('a request under a foreign name (DNS rebinding)', () => {
  it.each([
    ['localhost:8000', 200],
    ['127.0.0.1', 200],
    ['[::1]:8000', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['192.168.0.7:8000', 403],
    ['not a host', 403],
  ])('Host: %s is answered %d where main listens on loopback only', async (host, status) => {
    const answer = await ask(main, '/api/v1/system', { host });
    expect(answer.status).toBe(status);
    if (status === 403)
      expect(JSON.parse(answer.body)).toMatchObject({
        code: 'forbidden',
        detail: expect.stringContaining('MEDIAJOB_ALLOWED_HOSTS'),
      });
  });

  it('is refused for the page as well, but never for a probe', async () => {
    expect((await ask(main, '/', { host: 'evil.example', accept: 'text/html' })).status).toBe(403);
    expect((await ask(main, '/health/live', { host: '10.1.2.3:8000' })).status).toBe(200);
  });

  it('may be allowed by configuration, which then says all', async () => {
    await using named = await startMain({ MEDIAJOB_ALLOWED_HOSTS: 'media.example, other.example' });
    expect((await ask(named, '/api/v1/system', { host: 'media.example' })).status).toBe(200);
    expect((await ask(named, '/api/v1/system', { host: 'localhost' })).status).toBe(403);
  });

  it('is not excused by X-Forwarded-Host, unless a proxy is trusted', async () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'localhost' };
    expect((await ask(main, '/api/v1/system', headers)).status).toBe(403);
    await using behind = await startMain({ MEDIAJOB_TRUST_PROXY: 'true', MEDIAJOB_ALLOWED_HOSTS: 'media.example' });
    const forwarded = { host: 'main:8000', 'x-forwarded-host': 'media.example' };
    expect((await ask(behind, '/api/v1/system', forwarded)).status).toBe(200);
  });

  it('is written down as suspicious', async () => {
    const before = await main.metric('suspicious_events_total', { kind: 'host-not-allowed' });
    await ask(main, '/api/v1/system', { host: 'evil.example' });
    expect(await main.metric('suspicious_events_total', { kind: 'host-not-allowed' })).toBe(before + 1);
  });
});

describe('a change asked for by another site (CSRF)', () => {
  it.each<[string, Record<string, string>, boolean]>([
    ['a program', {}, true],
    ['our page', { 'sec-fetch-site': 'same-origin', origin: 'http://localhost' }, true],
    ['another site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, false],
    ['another port of this machine', { 'sec-fetch-site': 'same-site', origin: 'http://localhost:9999' }, false],
    ['another site in an old browser', { origin: 'https://evil.example' }, false],
    ['a sandboxed frame', { origin: 'null' }, false],
  ])('%s', async (_, headers, allowed) => {
    for (const [method, path] of [
      ['POST', '/api/v1/uploads'],
      ['PUT', `/api/v1/jobs/${crypto.randomUUID()}/transcript/edits`],
      ['DELETE', '/api/v1/uploads/01ARZ3NDEKTSV4RRFFQ69G5FAV'],
    ] as const) {
      const answer = await ask(main, path, { host: 'localhost', ...headers }, method);
      expect(JSON.parse(answer.body).code === 'cross-site-refused', `${method} ${path}`).toBe(!allowed);
    }
  });
});

describe('the page', () => {
  const page = (path: string, accept = 'text/html,*/*') => ask(main, path, { host: 'localhost', accept });

  it.each(['/', '/jobs', '/jobs/0b9c', '/settings', '/v2'])('is at %s, asked for anew each time', async (path) => {
    const answer = await page(path);
    expect([answer.status, answer.body]).toEqual([200, '<!doctype html><title>the page</title>']);
    expect(answer.headers['cache-control']).toBe('no-cache');
  });

  it('has its hashed files for ever and others by question', async () => {
    const hashed = await page('/assets/index-abc123.js');
    expect([hashed.status, hashed.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect((await page('/favicon.svg')).headers['cache-control']).toBe('no-cache');
  });

  it('is sent packed to who takes it, and each way under a tag of its own', async () => {
    const take = (path: string, encoding: string, more: Record<string, string> = {}) =>
      ask(main, path, { host: 'localhost', accept: 'text/html,*/*', 'accept-encoding': encoding, ...more });
    const tags = new Set<unknown>();
    for (const path of ['/', '/jobs/0b9c', '/assets/index-abc123.js']) {
      for (const [taken, wanted] of [
        ['gzip, deflate, br, zstd', 'br'],
        ['gzip, br;q=0', 'gzip'],
        ['gzip', 'gzip'],
        ['identity', undefined],
        ['', undefined],
      ] as const) {
        const answer = await take(path, taken);
        expect([answer.status, answer.headers['content-encoding']], `${path} ${taken}`).toEqual([200, wanted]);
        expect(answer.headers.vary).toMatch(/accept-encoding/i);
        expect(answer.headers['content-type']).toMatch(path.endsWith('.js') ? /^text\/javascript/ : /^text\/html/);
        expect(answer.headers['cache-control']).toMatch(path.endsWith('.js') ? /immutable/ : /^no-cache$/);
        expect(answer.headers['content-security-policy']).toContain("default-src 'self'");
        const tag = String(answer.headers.etag);
        tags.add(`${path === '/jobs/0b9c' ? '/' : path} ${tag}`);
        const again = await take(path, taken, { 'if-none-match': tag });
        expect(again.status, `${path} ${taken}`).toBe(304);
      }
    }
    expect(tags.size).toBe(6);
    // A file that is not packed goes as it is.
    expect((await take('/favicon.svg', 'br')).headers['content-encoding']).toBeUndefined();
    expect((await take('/assets/..%2f.env.js', 'br')).status).toBe(404);
  });

  it.each([
    ['/assets/index-old.js', '*/*'],
    ['/assets/index-old.js', 'text/html,*/*'],
    ['/api/v1/nothing', 'text/html'],
    ['/api', 'text/html'],
    ['/v1/nothing', 'text/html'],
    ['/.env', 'text/plain'],
    ['/..%2f..%2fetc%2fpasswd', 'text/plain'],
    ['/assets/..%2f.env', 'text/plain'],
    ['/jobs', 'application/json'],
  ])('is not at %s for %s: a problem says so', async (path, accept) => {
    const answer = await page(path, accept);
    expect(answer.status).toBe(404);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body).not.toContain('secret');
  });

  it('is not for changes', async () => {
    expect((await ask(main, '/', { host: 'localhost', accept: 'text/html' }, 'POST')).status).toBe(404);
  });

  it('runs nothing but its own files, also where it is an error', async () => {
    for (const path of ['/', '/assets/index-abc123.js', '/api/v1/nothing']) {
      const { headers } = await page(path);
      const policy = String(headers['content-security-policy']);
      for (const rule of [
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
      ]) {
        expect(policy.split(';'), path).toContain(rule);
      }
      expect(policy).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      });
      expect(headers).not.toHaveProperty('x-powered-by');
    }
  });

  it('says how to build it where it has not been built, and the API works all the same', async () => {
    await using bare = await startMain({ MEDIAJOB_WEB_DIR: join(web, 'nothing-here') });
    const answer = await ask(bare, '/', { host: 'localhost', accept: 'text/html' });
    expect([answer.status, answer.body]).toEqual([503, expect.stringContaining('npm run build')]);
    expect((await ask(bare, '/api/v1/system', { host: 'localhost' })).status).toBe(200);
  });

  it('has the API’s description beside it', async () => {
    const { paths } = JSON.parse((await page('/openapi.json')).body);
    for (const path of [
      '/api/v1/uploads',
      '/api/v1/jobs/{id}/transcript',
      '/api/v1/jobs/{id}/outputs/{name}',
      '/api/v1/system',
    ]) {
      expect(paths).toHaveProperty([path]);
    }
    expect((await page('/docs')).status).toBe(200);
  });
});

describe('too many requests', () => {
  it('are refused with the time to come again; parts of uploads, the page and health do not count', async () => {
    await using strict = await startMain({ MEDIAJOB_RATE_LIMIT: '3', MEDIAJOB_WEB_DIR: web });
    const host = { host: 'localhost' };
    for (let i = 0; i < 10; i++) {
      await ask(strict, '/', { ...host, accept: 'text/html' });
      await ask(strict, '/api/v1/uploads/01ARZ3NDEKTSV4RRFFQ69G5FAV', { ...host, 'tus-resumable': '1.0.0' }, 'HEAD');
      expect((await ask(strict, '/health/live', host)).status).toBe(200);
    }
    const statuses = [];
    for (const path of ['/api/v1/system', '/api/v1/languages', '/api/v1/system', '/api/v1/system']) {
      statuses.push((await ask(strict, path, host)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    const refused = await ask(strict, '/api/v1/system', host);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'too-many-requests' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });
});
