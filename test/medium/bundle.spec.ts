import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleAll } from '../../scripts/images/bundle.ts';
import { COMMANDS, IMAGE_NAMES, type ImageName } from '../../scripts/images/programs.ts';
import { ROOT } from '../../scripts/setup/paths.ts';

// What the images run, on this machine: the bundles of the compiled programs. docs/openapi is made from the sources.
let directory: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mediajob-bundle-'));
  await bundleAll(directory);
}, 600_000);
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** Starts a service of a bundle with nothing but the bundle; resolves when it listens. */
async function start(image: ImageName): Promise<{ url: string; stop: () => Promise<number | null> }> {
  const data = mkdtempSync(join(directory, 'data-'));
  const child = spawn(process.execPath, [join(directory, image, 'dist/server.js')], {
    cwd: data,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      MEDIAJOB_DATA_DIR: data,
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_WEB_DIR: join(directory, image, 'web'),
    },
  });
  children.push(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    said += `${line}\n`;
    const { msg, port } = JSON.parse(line) as { msg: string; port?: number };
    if (msg !== 'listening') continue;
    child.stdout.resume();
    return {
      url: `http://127.0.0.1:${port}`,
      stop: async () => {
        child.kill('SIGTERM');
        const [code] = (await once(child, 'exit')) as [number | null];
        return code;
      },
    };
  }
  throw new Error(`the bundle of ${image} does not start:\n${said}`);
}

describe('the bundled programs', () => {
  it.each(['main', 'converter', 'transcriber'] as const)(
    '%s has every route that its sources have, serves its documentation, and ends in order',
    async (image) => {
      const { url, stop } = await start(image);
      const document = await (await fetch(`${url}/openapi.json`)).json();
      const expected = JSON.parse(readFileSync(join(ROOT, `docs/openapi/${image}.json`), 'utf8'));
      expect(document).toEqual(expected);
      for (const path of ['/health/live', '/docs', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js'])
        expect((await fetch(url + path)).status, path).toBe(200);
      expect(await stop()).toBe(0);
    },
  );

  it('serve the page', async () => {
    const { url, stop } = await start('main');
    const page = await (await fetch(url, { headers: { accept: 'text/html' } })).text();
    const script = /src="([^"]+\.js)"/.exec(page)?.[1];
    expect(script).toBeDefined();
    expect((await fetch(url + script)).status).toBe(200);
    await stop();
  });

  it.each(
    IMAGE_NAMES.flatMap((image) => Object.keys(COMMANDS[image]).map((command) => [image, command] as const)).filter(
      ([, command]) => command !== 'server',
    ),
  )('%s %s loads and says what it needs, with the code for wrong arguments', (image, command) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(directory, image, `dist/${command}.js`)], {
      cwd: directory,
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    expect({ status, said: `${stdout}${stderr}` }).toEqual({ status: 64, said: expect.stringMatching(/\w/) });
  });

  it('have a command on the PATH for each of them', () => {
    for (const image of IMAGE_NAMES)
      for (const command of Object.keys(COMMANDS[image])) {
        const path = join(directory, image, 'bin', `mediajob-${command}`);
        expect(statSync(path).mode & 0o755).toBe(0o755);
        expect(readFileSync(path, 'utf8')).toBe(`#!/usr/local/bin/node\nimport '/app/dist/${command}.js';\n`);
      }
  });

  it('carry the licences of what went into them', () => {
    const notices = readFileSync(join(directory, 'main/THIRD-PARTY-NOTICES'), 'utf8');
    for (const name of ['express ', '@nestjs/core ', 'undici ', 'rxjs ']) expect(notices).toContain(`\n${name}`);
    expect(notices).toContain('Permission is hereby granted');
  });
});
