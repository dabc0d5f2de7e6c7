import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupError, say } from './step.ts';

/** What we may need from the system: the program we look for, and the package that brings it by package manager. */
export const SYSTEM_PROGRAMS = {
  ffmpeg: { apt: 'ffmpeg', dnf: 'ffmpeg-free', apk: 'ffmpeg', pacman: 'ffmpeg', zypper: 'ffmpeg', brew: 'ffmpeg' },
  cmake: { apt: 'cmake', dnf: 'cmake', apk: 'cmake', pacman: 'cmake', zypper: 'cmake', brew: 'cmake' },
  make: { apt: 'make', dnf: 'make', apk: 'make', pacman: 'make', zypper: 'make', brew: 'make' },
  'c++': { apt: 'g++', dnf: 'gcc-c++', apk: 'g++', pacman: 'gcc', zypper: 'gcc-c++', brew: 'gcc' },
  'espeak-ng': {
    apt: 'espeak-ng',
    dnf: 'espeak-ng',
    apk: 'espeak-ng',
    pacman: 'espeak-ng',
    zypper: 'espeak-ng',
    brew: 'espeak-ng',
  },
  buildah: { apt: 'buildah', dnf: 'buildah', apk: 'buildah', pacman: 'buildah', zypper: 'buildah', brew: 'podman' },
  debootstrap: {
    apt: 'debootstrap',
    dnf: 'debootstrap',
    apk: 'debootstrap',
    pacman: 'debootstrap',
    zypper: 'debootstrap',
    brew: 'debootstrap',
  },
  chromium: {
    apt: 'chromium',
    dnf: 'chromium',
    apk: 'chromium',
    pacman: 'chromium',
    zypper: 'chromium',
    brew: 'chromium',
  },
} as const;
export type SystemProgram = keyof typeof SYSTEM_PROGRAMS;
type Manager = keyof (typeof SYSTEM_PROGRAMS)['ffmpeg'];

const MANAGERS: { name: Manager; program: string; update?: string[]; install: string[]; root: boolean }[] = [
  {
    name: 'apt',
    program: 'apt-get',
    update: ['update', '-qq'],
    install: ['install', '-y', '-qq', '--no-install-recommends'],
    root: true,
  },
  { name: 'dnf', program: 'dnf', install: ['install', '-y', '-q'], root: true },
  { name: 'apk', program: 'apk', install: ['add', '--no-progress'], root: true },
  { name: 'pacman', program: 'pacman', install: ['-S', '--noconfirm', '--needed'], root: true },
  { name: 'zypper', program: 'zypper', install: ['--non-interactive', 'install'], root: true },
  { name: 'brew', program: 'brew', install: ['install', '--quiet'], root: false },
];

/** Absolute path of a program on the PATH, or undefined. */
export function findProgram(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  for (const directory of (env.PATH ?? '').split(delimiter)) {
    const path = join(directory, process.platform === 'win32' ? `${name}.exe` : name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here; the next directory may have it
    }
  }
  return undefined;
}

/**
 * Sees to it that the programs are there, by the system's package manager where this user may use it without a
 * password (root, `sudo -n`, Homebrew). Otherwise throws SetupError with the very command to run.
 */
export function ensurePrograms(names: SystemProgram[], what: string): void {
  const missing = names.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return;
  const manager = MANAGERS.find(({ program }) => findProgram(program) !== undefined);
  if (!manager)
    throw new SetupError(
      `${missing.join(', ')} not found, needed for ${what}, and no package manager that we know is there`,
      `install ${missing.join(', ')} and run this again`,
    );

  const packages = missing.map((name) => SYSTEM_PROGRAMS[name][manager.name]);
  const command = [manager.program, ...manager.install, ...packages];
  const prefix = privilegePrefix(manager.root);
  const mend = `${manager.root && process.getuid?.() !== 0 ? 'sudo ' : ''}${command.join(' ')}`;
  if (!prefix) throw new SetupError(`${missing.join(', ')} not found, needed for ${what}`, mend);

  say(`set-up: ${packages.join(', ')} by ${manager.program} (for ${what})`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (args: string[]) =>
    spawnSync(args[0] as string, args.slice(1), { stdio: ['ignore', 'ignore', 2], env: environment }).status === 0;
  if (manager.update) run([...prefix, manager.program, ...manager.update]);
  if (!run([...prefix, ...command]))
    throw new SetupError(`${manager.program} could not install ${packages.join(', ')}`, mend);
  const still = missing.filter((name) => findProgram(name) === undefined);
  if (still.length > 0)
    throw new SetupError(
      `${still.join(', ')} still not found after ${mend}`,
      `install ${still.join(', ')} by hand and run this again`,
    );
}

function privilegePrefix(needsRoot: boolean): string[] | undefined {
  if (!needsRoot || process.getuid?.() === 0) return [];
  if (findProgram('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0) return ['sudo', '-n'];
  return undefined;
}
