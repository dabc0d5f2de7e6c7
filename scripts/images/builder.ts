import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, ROOT } from '../setup/paths.ts';
import { SetupError } from '../setup/step.ts';
import { findProgram } from '../setup/system-packages.ts';

export type Tool = 'docker' | 'buildah';

export interface BuildRequest {
  readonly dockerfile: string;
  readonly target?: string;
  readonly reference: string;
  readonly args: Readonly<Record<string, string>>;
  /** Directories that stand in for stages of the Dockerfile. */
  readonly stages?: Readonly<Record<string, string>>;
}

/** What builds images on this machine. */
export interface Builder {
  readonly tool: Tool;
  build(request: BuildRequest): void;
  has(reference: string): boolean;
  /** Makes an image of one layer from a tar of a root file system. */
  importRoot(tar: string, reference: string): void;
  /** Removes the tags of a repository but one, and what nothing else is made from. */
  removeOthers(repository: string, keep: string): void;
  /** Writes a docker-archive. */
  save(reference: string, path: string): void;
  /** Before and after builds, while nobody else builds: takes away what a killed build has left, and mounts. */
  tidy(): void;
  /** Takes away layers that no image has any more, once they are many; those of stages are made again when needed. */
  prune(): void;
}

/** Docker where its daemon answers, buildah otherwise; or the one that is named. */
export function findBuilder(tool?: Tool): Builder {
  if (tool === undefined || tool === 'docker') {
    if (findProgram('docker') && spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0) return new Docker();
    if (tool === 'docker')
      throw new SetupError(
        'no Docker daemon answers',
        'start it, or build with buildah: npm run images -- --tool buildah',
      );
  }
  if (findProgram('buildah')) return new Buildah();
  throw new SetupError(
    'neither a Docker daemon nor buildah is there to build images',
    'npm run images -- --setup, or by hand: apt-get install --no-install-recommends buildah debootstrap',
  );
}

class Docker implements Builder {
  readonly tool = 'docker';

  build({ dockerfile, target, reference, args, stages = {} }: BuildRequest): void {
    run('docker', [
      'build',
      ...['--file', dockerfile, '--tag', reference],
      ...(target === undefined ? [] : ['--target', target]),
      ...buildArgs(args),
      ...buildContexts(stages),
      ROOT,
    ]);
  }

  has(reference: string): boolean {
    return spawnSync('docker', ['image', 'inspect', reference], { stdio: 'ignore' }).status === 0;
  }

  importRoot(tar: string, reference: string): void {
    run('docker', ['import', tar, reference]);
  }

  removeOthers(repository: string, keep: string): void {
    removeTags(['docker'], '{{.Repository}}:{{.Tag}}', repository, keep);
  }

  save(reference: string, path: string): void {
    run('docker', ['save', '--output', path, reference]);
  }

  tidy(): void {}

  /** Docker's own affair. */
  prune(): void {}
}

/** What a build borrows from this machine, and where it sees it: authorities that a proxy may need, and npm's cache. */
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';
const AUTHORITIES_INSIDE = '/run/mediajob-build/ca-certificates.crt';
const NPM_CACHE_INSIDE = '/run/mediajob-build/npm';

function borrowed(): { volumes: string[]; args: Record<string, string> } {
  const volumes: string[] = [];
  const args: Record<string, string> = {};
  if (existsSync(AUTHORITIES)) {
    volumes.push('--volume', `${AUTHORITIES}:${AUTHORITIES_INSIDE}:ro`);
    args.NODE_EXTRA_CA_CERTS = AUTHORITIES_INSIDE;
  }
  const { stdout } = spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8', cwd: ROOT });
  const npmCache = stdout?.trim();
  if (npmCache && existsSync(npmCache)) {
    volumes.push('--volume', `${npmCache}:${NPM_CACHE_INSIDE}`);
    args.NPM_CONFIG_CACHE = NPM_CACHE_INSIDE;
  }
  return { volumes, args };
}

const STORE = join(CACHE, 'images/store');
/** Every build leaves layers behind: 6 GB of them are the base, its stages, and a few dozen builds. */
const STORE_LIMIT_KB = 6e6;

/** What a directory takes of the disk. */
function kilobytesOf(directory: string): number {
  return Number.parseInt(spawnSync('du', ['-sk', directory], { encoding: 'utf8' }).stdout, 10) || 0;
}

/**
 * buildah needs no daemon. Its store is in the cache directory: nothing of the machine's own images is touched, and
 * layers outlive the checkout. In a plain chroot: that works as root and otherwise, inside of containers too.
 */
class Buildah implements Builder {
  readonly tool = 'buildah';
  readonly #global = [
    ...['--root', STORE],
    ...['--runroot', join(CACHE, 'images/run')],
    ...['--storage-driver', process.getuid?.() === 0 ? 'overlay' : 'vfs'],
  ];

  build({ dockerfile, target, reference, args, stages = {} }: BuildRequest): void {
    const { volumes, args: paths } = borrowed();
    this.#run([
      'build',
      ...['--isolation', 'chroot', '--layers', '--format', 'docker'],
      ...['--file', join(ROOT, dockerfile), '--tag', reference],
      ...(target === undefined ? [] : ['--target', target]),
      ...volumes,
      ...buildArgs({ ...paths, ...args }),
      ...buildContexts(stages),
      ROOT,
    ]);
  }

  has(reference: string): boolean {
    const command = [...this.#global, 'inspect', '--type', 'image', reference];
    return spawnSync('buildah', command, { stdio: 'ignore' }).status === 0;
  }

  importRoot(tar: string, reference: string): void {
    const container = this.#output(['from', 'scratch']);
    try {
      this.#run(['add', container, tar, '/']);
      this.#run(['config', '--env', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', container]);
      this.#run(['commit', '--format', 'docker', '--quiet', container, reference]);
    } finally {
      this.#run(['rm', container]);
    }
  }

  removeOthers(repository: string, keep: string): void {
    removeTags(['buildah', ...this.#global], '{{.Name}}:{{.Tag}}', repository, keep);
  }

  save(reference: string, path: string): void {
    this.#run(['push', '--quiet', reference, `docker-archive:${path}:${reference}`]);
  }

  tidy(): void {
    spawnSync('buildah', [...this.#global, 'rm', '--all'], { stdio: 'ignore' });
    // The store is mounted onto itself by the first command that uses it, and nothing ever takes that back.
    if (process.getuid?.() === 0) spawnSync('umount', [join(STORE, 'overlay')], { stdio: 'ignore' });
  }

  prune(): void {
    if (kilobytesOf(STORE) < STORE_LIMIT_KB) return;
    this.#run(['rmi', '--prune', '--force']);
    this.tidy();
  }

  #run(args: string[]): void {
    run('buildah', [...this.#global, ...args]);
  }

  #output(args: string[]): string {
    const result = spawnSync('buildah', [...this.#global, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
    if (result.status !== 0) throw failed('buildah', args);
    return result.stdout.trim();
  }
}

/** What cannot be removed, since somebody uses it, stays. */
function removeTags(command: readonly string[], format: string, repository: string, keep: string): void {
  const [program = '', ...global] = command;
  const { stdout } = spawnSync(program, [...global, 'images', '--format', format], { encoding: 'utf8' });
  const others = (stdout ?? '').split('\n').filter((it) => it.startsWith(`${repository}:`) && it !== keep);
  for (const reference of others) spawnSync(program, [...global, 'rmi', reference], { stdio: 'ignore' });
}

function buildArgs(args: Readonly<Record<string, string>>): string[] {
  return Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
}

/** A named context takes the place of the stage of that name; what only that stage needed is not built. */
function buildContexts(stages: Readonly<Record<string, string>>): string[] {
  return Object.entries(stages).flatMap(([name, directory]) => ['--build-context', `${name}=${directory}`]);
}

/** What the tools say goes to stderr. */
function run(program: string, args: string[]): void {
  const result = spawnSync(program, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) throw failed(program, args);
}

function failed(program: string, args: readonly string[]): SetupError {
  return new SetupError(
    `${program} failed; its messages are above`,
    [program, ...args].map((it) => (/^[\w./:=@-]+$/.test(it) ? it : `'${it}'`)).join(' '),
  );
}
