import { accessSync, constants } from 'node:fs';
import type { SpeechEngine } from '@mediajob/contract';
import { type EngineKind, enginePath } from './engine-files.js';

export interface ChosenEngine {
  kind: EngineKind;
  program: string;
  /** Why it is not the one that would be faster, when `auto` had to go without. */
  instead?: string;
}

/**
 * The engine that a setting means on this machine: `auto` is CTranslate2 where that is installed, else whisper.cpp.
 * A named one is taken even when it is not there, so that whoever starts it says so.
 */
export function chooseEngine(wanted: SpeechEngine, env: NodeJS.ProcessEnv = process.env): ChosenEngine {
  const at = (kind: EngineKind): ChosenEngine => ({ kind, program: enginePath({ kind, env }) });
  if (wanted !== 'auto') return at(wanted);
  const fast = at('ctranslate2');
  if (isProgram(fast.program)) return fast;
  return { ...at('whispercpp'), instead: `the CTranslate2 engine is not installed (${fast.program})` };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
