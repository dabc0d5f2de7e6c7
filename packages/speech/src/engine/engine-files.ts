import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDir } from './cache-dir.js';
import { CT2_PACKAGE, ct2LibraryDir } from './ct2-library.js';

/** native/ lies two directories above this file, in src/ as in dist/. */
export const NATIVE_DIR = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'native');

/** Programs of builds; those of one lie in one directory. The last two are whisper.cpp's own, to compare with. */
export type EngineProgram = 'mediajob-engine' | 'mediajob-engine-ct2' | 'whisper-cli' | 'whisper-quantize';

/** What stands behind the protocol. */
export type EngineKind = 'whispercpp' | 'ctranslate2';

export interface EngineBuild {
  /** whispercpp when left out. */
  kind?: EngineKind;
  /** Kernels for every kind of CPU, chosen at the start: for images. Otherwise for the CPU of this machine. */
  portable?: boolean;
  /** Also whisper-cli and whisper-quantize: for benchmarks. */
  tools?: boolean;
  env?: NodeJS.ProcessEnv;
}

/** whisper.cpp's source: $MEDIAJOB_WHISPER_CPP_DIR, or the one inside nodejs-whisper. */
export function whisperSourceDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.MEDIAJOB_WHISPER_CPP_DIR) return env.MEDIAJOB_WHISPER_CPP_DIR;
  const entry = createRequire(import.meta.url).resolve('nodejs-whisper');
  for (let directory = dirname(entry); ; directory = dirname(directory)) {
    const source = join(directory, 'cpp', 'whisper.cpp');
    if (existsSync(join(source, 'CMakeLists.txt'))) return source;
    if (directory === dirname(directory)) throw new Error(`nodejs-whisper at ${entry} carries no whisper.cpp`);
  }
}

/**
 * Where a build of these sources lies: `<cache>/engine/<hash>/`. Everything that changes the programs changes the hash, so
 * that a build that is there is the right one: our sources, whisper.cpp's version, the flags, the kind of machine, and for a
 * build that is not portable its CPU.
 */
export function engineDir(build: EngineBuild = {}): string {
  const { kind = 'whispercpp', portable = false, tools = false, env = process.env } = build;
  const hash = createHash('sha256');
  const sources = filesIn(NATIVE_DIR).filter((path) => kind === 'ctranslate2' || !path.includes(CT2_SOURCES));
  for (const path of sources) hash.update(`${path.slice(NATIVE_DIR.length)}\0`).update(readFileSync(path));
  // CTranslate2 chooses its kernels when it starts: its build is portable in any case.
  if (kind === 'ctranslate2') hash.update(JSON.stringify([platform(), arch(), ct2LibraryDir(env), CT2_PACKAGE]));
  else {
    hash.update(readFileSync(join(whisperSourceDir(env), 'CMakeLists.txt')));
    hash.update(JSON.stringify([platform(), arch(), tools, portable ? 'portable' : cpuOfThisMachine()]));
  }
  return join(cacheDir(env), 'engine', hash.digest('hex').slice(0, 16));
}

/** What only the CTranslate2 engine is made of. */
const CT2_SOURCES = `${NATIVE_DIR}${sep}ctranslate2${sep}`;

/**
 * The engine program: `$MEDIAJOB_ENGINE` (that of CTranslate2 lies beside it), else where buildEngine() puts it. It need not be
 * there yet.
 */
export function enginePath(options: EngineBuild = {}): string {
  const env = options.env ?? process.env;
  if (options.kind === 'ctranslate2') return programPath('mediajob-engine-ct2', options);
  return env.MEDIAJOB_ENGINE || programPath('mediajob-engine', options);
}

/** Programs that a build makes. */
export function programsOf({ kind, tools = false }: EngineBuild): EngineProgram[] {
  if (kind === 'ctranslate2') return ['mediajob-engine-ct2'];
  return tools ? ['mediajob-engine', 'whisper-cli', 'whisper-quantize'] : ['mediajob-engine'];
}

/** A program of a build with tools; beside the engine when `$MEDIAJOB_ENGINE` names one. */
export function programPath(program: EngineProgram, options: EngineBuild = {}): string {
  const env = options.env ?? process.env;
  if (env.MEDIAJOB_ENGINE) return join(dirname(env.MEDIAJOB_ENGINE), program);
  return join(engineDir(options), 'bin', program);
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((it) => it.isFile() && /(\.(cpp|h|cmake)|CMakeLists\.txt)$/.test(it.name))
    .map((it) => join(it.parentPath, it.name))
    .sort();
}

/** A build for one CPU may use instructions that another lacks: a home directory can be shared, an image copied. */
function cpuOfThisMachine(): string {
  try {
    const text = readFileSync('/proc/cpuinfo', 'utf8');
    return /^(flags|Features)\s*:.*$/m.exec(text)?.[0] ?? text;
  } catch {
    return 'unknown';
  }
}
