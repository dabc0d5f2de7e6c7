import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { BuildError } from './build-error.js';
import { cpuBudget } from './cpu-budget.js';
import { bringCt2Library, CT2_PACKAGE } from './ct2-library.js';
import { type EngineBuild, engineDir, NATIVE_DIR, programsOf, whisperSourceDir } from './engine-files.js';

export interface BuildOptions extends EngineBuild {
  /** Lines of cmake and the compiler. */
  log?(line: string): void;
  signal?: AbortSignal;
}

/** Builds that were given up are removed when they are this old: a running one writes all the time. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Compiles the engine into enginePath()'s directory, unless it is there. Nothing is
 * visible there before all is complete; several builds at once do not disturb each other; after a kill the next one
 * goes on where that stopped.
 * @returns the directory that holds the programs
 * @throws BuildError
 */
export async function buildEngine(options: BuildOptions = {}): Promise<string> {
  const env = options.env ?? process.env;
  const target = engineDir(options);
  const programs = join(target, 'bin');
  if (existsSync(join(programs, programsOf(options)[0] ?? ''))) return programs;

  await mkdir(dirname(target), { recursive: true });
  await removeAbandoned(dirname(target));
  const claim = await claimBuildDirectory(target);
  try {
    await configure(claim.directory, await sourceOf(options, env), options);
    await compile(claim.directory, options);
    await install(claim.directory, target, programsOf(options));
  } finally {
    await claim.release();
  }
  await rm(claim.directory, { recursive: true, force: true });
  return programs;
}

/** What cmake is to configure, and with which flags. */
async function sourceOf(options: BuildOptions, env: NodeJS.ProcessEnv): Promise<{ path: string; flags: string[] }> {
  if (options.kind !== 'ctranslate2')
    return {
      path: NATIVE_DIR,
      flags: [`-DWHISPER_CPP_DIR=${whisperSourceDir(env)}`, `-DMEDIAJOB_PORTABLE=${options.portable ? 'ON' : 'OFF'}`],
    };
  const library = await bringCt2Library(options);
  return {
    path: join(NATIVE_DIR, 'ctranslate2'),
    flags: [`-DCTRANSLATE2_DIR=${library}`, `-DCTRANSLATE2_VERSION=${CT2_PACKAGE.ctranslate2}`],
  };
}

interface Claim {
  directory: string;
  release(): Promise<void>;
}

/** Locks of builds of this very process: a process id alone would not tell it from an earlier one with the same id. */
const held = new Set<string>();

/**
 * The directory of an earlier build that was killed, when nobody else works in it, or a new one. (cmake cannot go on in a
 * directory that was renamed, so that it has to be shared.) Who works in it is told by a lock that names the process.
 */
async function claimBuildDirectory(target: string): Promise<Claim> {
  const directory = `${target}.build`;
  const lock = join(directory, 'lock');
  if (held.has(lock)) return unsharedDirectory(target);
  held.add(lock);
  const release = async () => {
    await rm(lock, { force: true });
    held.delete(lock);
  };
  try {
    await mkdir(directory, { recursive: true });
    if (await takeLock(lock)) return { directory, release };
  } catch (error) {
    await release();
    throw error;
  }
  held.delete(lock);
  return unsharedDirectory(target);
}

/** Whether the lock is ours now. */
async function takeLock(lock: string): Promise<boolean> {
  const token = `${process.pid} ${randomBytes(8).toString('hex')}`;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      await writeFile(lock, token, { flag: 'wx' });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (await isAlive(lock)) return false;
      await rm(lock, { force: true });
      continue;
    }
    // Somebody who took the same dead lock for dead may just have removed ours.
    await sleep(100);
    return (await readFile(lock, 'utf8').catch(() => '')) === token;
  }
  return false;
}

async function unsharedDirectory(target: string): Promise<Claim> {
  const directory = `${target}.build-${process.pid}-${randomBytes(4).toString('hex')}`;
  await mkdir(directory);
  return { directory, release: async () => undefined };
}

async function isAlive(lock: string): Promise<boolean> {
  const pid = Number.parseInt(await readFile(lock, 'utf8').catch(() => ''), 10);
  if (!(pid > 0)) return false;
  if (pid === process.pid) return false; // of an earlier process with our id: held by us it would be in `held`
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!/\.build(-|$)/.test(name)) continue;
    const path = join(parent, name);
    const info = await stat(path).catch(() => undefined);
    if (info && Date.now() - info.mtimeMs > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}

async function configure(
  directory: string,
  { path, flags }: { path: string; flags: string[] },
  options: BuildOptions,
): Promise<void> {
  const args = ['-S', path, '-B', directory, '-DCMAKE_BUILD_TYPE=Release', ...flags];
  const outcome = await run('cmake', args, options);
  if (outcome.code === 0) return;
  if (
    /CMAKE_(C|CXX)_COMPILER|No CMAKE_.*_COMPILER could be found|compiler identification is unknown/i.test(outcome.tail)
  )
    throw new BuildError('tool-missing', 'There is no C++ compiler', { mend: installCommand() });
  if (/CMAKE_MAKE_PROGRAM is not set|Unix Makefiles/.test(outcome.tail))
    throw new BuildError('tool-missing', 'There is no make', { mend: installCommand() });
  throw failed('configure the engine', outcome.tail);
}

async function compile(directory: string, options: BuildOptions): Promise<void> {
  const jobs = parallelJobs();
  const outcome = await run(
    'cmake',
    ['--build', directory, '--parallel', `${jobs}`, '--target', ...programsOf(options)],
    options,
  );
  if (outcome.code === 0) return;
  if (/No space left on device/.test(outcome.tail))
    throw new BuildError('compile-failed', `The disk is full: ${directory}`, {
      mend: 'free about 500 MB and run this again; it goes on where it stopped',
    });
  if (/Killed|internal compiler error/.test(outcome.tail))
    throw new BuildError(
      'compile-failed',
      `The compiler was killed, most likely for want of memory:\n${outcome.tail}`,
      {
        mend: 'free some memory and run this again; it goes on where it stopped',
      },
    );
  throw failed('compile the engine', outcome.tail);
}

/** A compiler of this code needs up to 700 MiB. */
function parallelJobs(): number {
  const { cpus, memoryBytes } = cpuBudget();
  return Math.max(1, Math.min(cpus, Math.floor(memoryBytes / (700 * 1024 * 1024))));
}

/** Copies what programs need to run into a directory beside the target, and renames that: all of it is there, or nothing. */
async function install(directory: string, target: string, programs: readonly string[]): Promise<void> {
  const staged = `${target}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  await mkdir(join(staged, 'bin'), { recursive: true });
  try {
    for (const name of await readdir(join(directory, 'bin'))) {
      if (!programs.includes(name) && !/\.(so|dylib)(\.|$)/.test(name)) continue;
      await copyFile(join(directory, 'bin', name), join(staged, 'bin', name));
    }
    await rename(staged, target);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error; // otherwise somebody else was first, with the same
  }
}

interface Outcome {
  code: number;
  /** Last lines of what it said. */
  tail: string;
}

const TAIL_LINES = 40;

function run(program: string, args: string[], { log, signal, env = process.env }: BuildOptions): Promise<Outcome> {
  if (signal?.aborted) return Promise.reject(interrupted(signal));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
    const tail: string[] = [];
    const heard = (line: string) => {
      if (tail.push(line) > TAIL_LINES) tail.shift();
      log?.(line);
    };
    createInterface({ input: child.stdout }).on('line', heard);
    createInterface({ input: child.stderr }).on('line', heard);
    // cmake starts make, which starts compilers: all of the group has to go. On exit, too: it no longer gets our Ctrl-C.
    const kill = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // gone already
      }
    };
    const settle = () => {
      signal?.removeEventListener('abort', kill);
      process.removeListener('exit', kill);
    };
    signal?.addEventListener('abort', kill, { once: true });
    process.once('exit', kill);
    child.once('error', (cause: NodeJS.ErrnoException) => {
      settle();
      reject(
        cause.code === 'ENOENT'
          ? new BuildError('tool-missing', `${program} is not installed`, { cause, mend: installCommand() })
          : cause,
      );
    });
    child.once('close', (code) => {
      settle();
      if (signal?.aborted) reject(interrupted(signal));
      else resolve({ code: code ?? 1, tail: tail.join('\n') });
    });
  });
}

function interrupted(signal: AbortSignal): BuildError {
  return new BuildError('interrupted', 'The build was interrupted; it goes on where it stopped when it is run again', {
    cause: signal.reason,
  });
}

function failed(what: string, tail: string): BuildError {
  return new BuildError('compile-failed', `It was not possible to ${what}:\n${tail}`);
}

/** How people of this system get a compiler. */
export function installCommand(): string {
  if (process.platform === 'darwin') return 'xcode-select --install && brew install cmake';
  const managers: [string, string][] = [
    ['/usr/bin/apt-get', 'sudo apt-get install -y cmake g++ make'],
    ['/usr/bin/dnf', 'sudo dnf install -y cmake gcc-c++ make'],
    ['/sbin/apk', 'sudo apk add cmake g++ make linux-headers'],
    ['/usr/bin/pacman', 'sudo pacman -S --needed cmake gcc make'],
    ['/usr/bin/zypper', 'sudo zypper install -y cmake gcc-c++ make'],
  ];
  return managers.find(([path]) => existsSync(path))?.[1] ?? 'install cmake, make and a C++17 compiler';
}
