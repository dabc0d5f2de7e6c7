import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, STAMPS } from './paths.ts';
import { SetupError, say } from './step.ts';

/** Compiles the packages, services and operator, and the web page, unless nothing has changed since the last time. */
export function build(): void {
  const workspaces = ['packages', 'services'].flatMap((group) =>
    readdirSync(join(ROOT, group)).map((name) => join(ROOT, group, name)),
  );
  const code = fingerprint([
    ...workspaces.filter((it) => !it.endsWith('/web')),
    join(ROOT, 'operator'),
    join(ROOT, 'tsconfig.base.json'),
    join(ROOT, 'tsconfig.json'),
  ]);
  const page = fingerprint([join(ROOT, 'services/web'), join(ROOT, 'packages/contract')]);

  if (!isStamped('build-code', code) || !existsSync(join(ROOT, 'services/main/dist/server.js'))) {
    say('set-up: compile the services');
    run('tsc', ['-b'], ROOT);
    stamp('build-code', code);
  }
  if (!isStamped('build-page', page) || !existsSync(join(ROOT, 'services/web/dist/index.html'))) {
    say('set-up: build the page');
    run('vite', ['build', '--logLevel', 'warn'], join(ROOT, 'services/web'));
    stamp('build-page', page);
  }
}

function run(bin: string, args: string[], cwd: string): void {
  const result = spawnSync(process.execPath, [realBin(bin), ...args], { cwd, stdio: ['ignore', 2, 2] });
  if (result.status !== 0)
    throw new SetupError(`${bin} failed; its messages are above`, `npx ${bin} ${args.join(' ')}`);
}

function realBin(name: string): string {
  return join(ROOT, 'node_modules', '.bin', name);
}

/** Sizes and times of all sources: a few milliseconds, where tsc takes seconds to see that it has nothing to do. */
function fingerprint(paths: string[]): string {
  const hash = createHash('sha256').update(process.version);
  const visit = (path: string): void => {
    const stat = statSync(path);
    if (stat.isDirectory()) {
      for (const name of readdirSync(path).sort()) {
        if (
          name === 'node_modules' ||
          name === 'dist' ||
          name === 'test' ||
          name.startsWith('.') ||
          name.endsWith('.tsbuildinfo')
        )
          continue;
        visit(join(path, name));
      }
    } else hash.update(`${path}:${stat.size}:${stat.mtimeMs}\n`);
  };
  for (const path of paths) visit(path);
  return hash.digest('hex');
}

function isStamped(name: string, value: string): boolean {
  const file = join(STAMPS, name);
  return existsSync(file) && readFileSync(file, 'utf8') === value;
}

function stamp(name: string, value: string): void {
  mkdirSync(STAMPS, { recursive: true });
  const file = join(STAMPS, name);
  writeFileSync(`${file}.partial`, value);
  renameSync(`${file}.partial`, file);
}
