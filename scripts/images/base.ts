import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { CACHE } from '../setup/paths.ts';
import { SetupError, say } from '../setup/step.ts';
import { ensurePrograms } from '../setup/system-packages.ts';
import type { Builder } from './builder.ts';

/** The same version as of NODE_IMAGE in the Dockerfiles, and npm as that brings it. */
export const NODE_VERSION = '24.21.0';
const NPM_VERSION = '11.19.1';
const SUITE = 'bookworm';

export interface BaseOptions {
  /** Of Debian's packages; the usual one when left out. */
  readonly debianMirror?: string | undefined;
}

/**
 * A base image without a registry: a minimal Debian by debootstrap, Node and npm by npm. The Dockerfiles take it in
 * place of `node:…-bookworm-slim`. Made once; needs root.
 *
 * @returns its reference
 */
export function debootstrapBase(builder: Builder, { debianMirror }: BaseOptions): string {
  const key = createHash('sha256')
    .update(readFileSync(import.meta.filename))
    .update(JSON.stringify([debianMirror, process.arch]))
    .digest('hex')
    .slice(0, 12);
  const repository = 'localhost/mediajob/base';
  const reference = `${repository}:${key}`;
  if (builder.has(reference)) return reference;
  if (process.getuid?.() !== 0)
    throw new SetupError('debootstrap makes a base image as root only', 'sudo npm run images -- --base debootstrap');
  ensurePrograms(['debootstrap'], 'the base image');
  say('images: a base of Debian packages (debootstrap; once)');
  mkdirSync(join(CACHE, 'images'), { recursive: true });
  const work = mkdtempSync(join(CACHE, 'images/.base-'));
  try {
    const root = join(work, 'root');
    run('debootstrap', ['--variant=minbase', SUITE, root, ...(debianMirror === undefined ? [] : [debianMirror])]);
    rmSync(join(root, 'var/cache/apt/archives'), { recursive: true, force: true });
    rmSync(join(root, 'var/lib/apt/lists'), { recursive: true, force: true });
    for (const directory of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial'])
      mkdirSync(join(root, directory), { recursive: true });
    if (debianMirror === undefined) copySources(root);
    writeFileSync(join(root, 'etc/apt/apt.conf.d/90-of-the-host'), acquireSettings());
    installNode(join(work, 'node'), root);
    const tar = join(work, 'root.tar');
    run('tar', ['--numeric-owner', '-C', root, '-cf', tar, '.']);
    builder.importRoot(tar, reference);
    builder.removeOthers(repository, reference);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return reference;
}

function installNode(work: string, root: string): void {
  const name = `node-linux-${process.arch}`;
  mkdirSync(work);
  writeFileSync(join(work, 'package.json'), '{"private":true}');
  run('npm', [
    'install',
    ...['--prefix', work, '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    ...[`${name}@${NODE_VERSION}`, `npm@${NPM_VERSION}`],
  ]);
  const local = join(root, 'usr/local');
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true });
  copyFileSync(join(work, 'node_modules', name, 'bin/node'), join(local, 'bin/node'));
  copyFileSync(join(work, 'node_modules', name, 'LICENSE'), join(local, 'LICENSE'));
  cpSync(join(work, 'node_modules/npm'), join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** Proxies, and what else this machine needs to reach its mirror. */
function acquireSettings(): string {
  const { status, stdout } = spawnSync('apt-config', ['dump', 'Acquire'], { encoding: 'utf8' });
  if (status !== 0) return '';
  return (stdout.match(/^Acquire::(https?|Check-|Retries|ForceIP).*\n/gm) ?? []).join('');
}

/** Whether this machine is what the images are made from: what is compiled here runs there then. */
export function isOfTheBase(): boolean {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return new RegExp(`^VERSION_CODENAME=${SUITE}$`, 'm').test(release);
}

/** A machine of the same release says better than we where security updates are. */
function copySources(root: string): void {
  if (!isOfTheBase()) return;
  for (const file of ['sources.list', 'sources.list.d/debian.sources']) {
    rmSync(join(root, 'etc/apt', file), { force: true });
    if (existsSync(join('/etc/apt', file))) copyFileSync(join('/etc/apt', file), join(root, 'etc/apt', file));
  }
}

function run(program: string, args: string[]): void {
  const result = spawnSync(program, args, { stdio: ['ignore', 2, 2] });
  if (result.status !== 0)
    throw new SetupError(`${program} failed; its messages are above`, [program, ...args].join(' '));
}
