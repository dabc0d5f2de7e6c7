import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.ts';
import { CACHE, ROOT } from './paths.ts';
import { explainSystemError, SetupError, say } from './step.ts';
import { ensurePrograms, findProgram } from './system-packages.ts';

export interface SetupOptions {
  /** Models to have. */
  models: string[];
  /** Also what only tests need: a speaking program and a browser. */
  tests?: boolean;
  signal?: AbortSignal;
}

export const MODELS_DIR = process.env.MEDIAJOB_MODELS_DIR ?? join(CACHE, 'models');

/**
 * Brings whatever is missing for running on this machine: system programs, the compiled services and page, the speech
 * engine, models. Each step is skipped when it is done, and may be killed and run again at any point.
 */
export async function setUp({ models, tests = false, signal }: SetupOptions): Promise<void> {
  try {
    build();
    ensurePrograms(['ffmpeg'], 'reading and converting media');
    if (tests) ensurePrograms(['espeak-ng', ...(browserPath() ? [] : (['chromium'] as const))], 'the tests');
    await bringEngine(signal);
    await bringFastEngine(signal);
    for (const model of models) await bringModel(model, signal);
  } catch (error) {
    throw explainSystemError(error) ?? explainMend(error) ?? error;
  }
}

/** Errors of packages/speech name the command that mends them. */
function explainMend(error: unknown): SetupError | undefined {
  const { message, mend, code } = error as { message: string; mend?: string; code?: string };
  if (mend) return new SetupError(message, mend, { cause: error });
  if (code === 'no-source' || code === 'bad-checksum')
    return new SetupError(
      message,
      'mend what it says, or put the model where MEDIAJOB_MODEL_SOURCE names; then run this again',
      { cause: error },
    );
  return undefined;
}

/** A Chromium that is already there, or undefined. */
export function browserPath(): string | undefined {
  return (
    process.env.MEDIAJOB_CHROMIUM ??
    findProgram('chromium') ??
    findProgram('chromium-browser') ??
    findProgram('google-chrome')
  );
}

async function bringEngine(signal: AbortSignal | undefined): Promise<void> {
  const { buildEngine, enginePath } = await speech();
  if (existsSync(enginePath())) return;
  ensurePrograms(['cmake', 'c++', 'make'], 'compiling the speech engine');
  say('set-up: compile the speech engine (whisper.cpp; a few minutes, once)');
  await buildEngine({
    log: (line: string) => process.env.MEDIAJOB_VERBOSE && say(line),
    ...(signal ? { signal } : {}),
  });
}

/** The engine on CTranslate2, where there is a library for this machine. Without it whisper.cpp does the work. */
async function bringFastEngine(signal: AbortSignal | undefined): Promise<void> {
  const { buildEngine, enginePath, hasCt2Library } = await speech();
  if (!hasCt2Library() || process.env.MEDIAJOB_ENGINE || existsSync(enginePath({ kind: 'ctranslate2' }))) return;
  say('set-up: the speech engine on CTranslate2 (its library by npm, 25 MB; a minute, once)');
  try {
    await buildEngine({
      kind: 'ctranslate2',
      log: (line: string) => process.env.MEDIAJOB_VERBOSE && say(line),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    const { code, message, mend } = error as { code?: string; message: string; mend?: string };
    if (!code || !['library-missing', 'tool-missing', 'compile-failed'].includes(code)) throw error;
    say(`set-up: it goes on with whisper.cpp, which is slower: ${message}${mend ? ` (to mend it: ${mend})` : ''}`);
  }
}

async function bringModel(name: string, signal: AbortSignal | undefined): Promise<void> {
  const { modelStatus, pullModel } = await speech();
  const known = (await modelStatus(MODELS_DIR)).find((it) => it.name === name);
  if (!known) throw new SetupError(`there is no model ${name}`, 'npm run models -- list');
  if (known.installed) return;
  say(`set-up: model ${name} into ${MODELS_DIR}`);
  let shown = '';
  await pullModel(MODELS_DIR, name, {
    onProgress: ({ step, fraction }) => {
      const text = `set-up: ${step}${fraction === undefined ? '' : ` ${Math.floor(fraction * 4) * 25}%`}`;
      if (text !== shown) say(text);
      shown = text;
    },
    onNote: (note) => say(`set-up: ${note}`),
    ...(signal ? { signal } : {}),
  });
}

/** The compiled package: set-up runs before anything could import it by name. */
function speech(): Promise<typeof import('../../packages/speech/src/index.ts')> {
  return import(join(ROOT, 'packages/speech/dist/index.js'));
}
