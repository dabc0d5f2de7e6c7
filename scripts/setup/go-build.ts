import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { deathPrefix } from './death-prefix.ts';
import { SetupError, say } from './step.ts';
import { findProgram } from './system-packages.ts';

/**
 * Makes a directory of the cache that appears whole or not at all: `make` fills a temporary one. Two at a time are as
 * good as one.
 */
export async function appearWhole(
  parent: string,
  key: string,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  mkdirSync(parent, { recursive: true });
  const temporary = mkdtempSync(join(parent, `.${key}-${process.pid}-`));
  try {
    await make(temporary);
    renameSync(temporary, join(parent, key));
  } catch (error) {
    if (!existsSync(join(parent, key))) throw error; // otherwise another set-up was faster, with the same
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  removeAbandoned(parent, key);
}

/** Builds of other versions are kept (another checkout may use them), what killed builds have left is not. */
function removeAbandoned(directory: string, key: string): void {
  for (const name of readdirSync(directory)) {
    const owner = Number(/^\.[0-9a-f]+-(\d+)-/.exec(name)?.[1]);
    if (name === key || !owner || isAlive(owner)) continue;
    rmSync(join(directory, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const TAIL_LINES = 20;
const REPORT_PACKAGES = 250;

export interface GoCompile {
  /** Of the module that is built. */
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** What it is that could not be built. */
  readonly what: string;
}

/**
 * Runs Go without C, and without flags that a user has set for other modules.
 * @throws SetupError that says what is missing: room, memory, the network
 */
export function compileGo(go: string, args: readonly string[], { cwd, env, what }: GoCompile): Promise<void> {
  // Others use this machine too; and Go must not go on for minutes when set-up was killed.
  const prefix = [...deathPrefix('TERM'), ...(findProgram('nice', env) ? ['nice', '-n', '10'] : [])];
  const [program, ...rest] = [...prefix, go, ...args] as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...env,
        HOME: env.HOME ?? homedir(),
        CGO_ENABLED: '0',
        GOWORK: 'off',
        GOTOOLCHAIN: 'local',
        GOFLAGS: '',
        GOROOT: undefined,
      },
    });
    const tail: string[] = [];
    let packages = 0;
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (env.MEDIAJOB_VERBOSE) say(line);
      if (/^[\w.~-]+(\/[\w.~-]+)*$/.test(line)) {
        packages++;
        if (packages % REPORT_PACKAGES === 0) say(`set-up: ${packages} packages compiled`);
      } else if (!line.startsWith('go: downloading') && tail.push(line) > TAIL_LINES) tail.shift();
    });
    child.once('error', (error) =>
      reject(
        new SetupError(`${basename(program)} could not be started: ${error.message}`, mend(go, cwd), { cause: error }),
      ),
    );
    child.once('close', (code, killedBy) => {
      if (code === 0) resolve();
      else reject(explain(what, tail.join('\n'), killedBy ?? `exit code ${code}`, go, cwd));
    });
  });
}

function mend(go: string, cwd: string): string {
  return `cd ${cwd} && ${go} mod download`;
}

function explain(what: string, tail: string, how: string, go: string, cwd: string): SetupError {
  if (/no space left on device/i.test(tail))
    return new SetupError(
      `the disk is full; building ${what} needs about 4 GB`,
      'free some space, or set GOCACHE and GOMODCACHE to directories with room; then run this again, it goes on where it stopped',
    );
  if (/signal: killed|cannot allocate memory/.test(tail) || how === 'SIGKILL')
    return new SetupError(
      'the Go compiler was killed, most likely for want of memory',
      'free some memory (linking needs about 2 GB) and run this again; it goes on where it stopped',
    );
  if (/dial tcp|proxyconnect|lookup .* on |TLS handshake|i\/o timeout|\b(403|404|502|503)\b/.test(tail))
    return new SetupError(`Go could not download modules:\n${tail}`, mend(go, cwd));
  return new SetupError(`${what} could not be built (${how}):\n${tail}`, mend(go, cwd));
}
