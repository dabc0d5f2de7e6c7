import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../setup/paths.ts';
import { SetupError, say } from '../setup/step.ts';
import { ensurePrograms } from '../setup/system-packages.ts';
import { isOfTheBase } from './base.ts';

export const WHISPER_CPP = 'node_modules/nodejs-whisper/cpp/whisper.cpp';

/** Fills a directory as images/build-engine.sh does, with the engine for the CPU of this machine alone. */
export async function engineOfThisMachine(directory: string): Promise<void> {
  if (!isOfTheBase())
    throw new SetupError(
      'what is compiled on this machine may not run in the images: it is not the Debian that they are made from',
      'npm run images -- --engine portable',
    );
  const speech: typeof import('../../packages/speech/src/index.ts') = await import(
    join(ROOT, 'packages/speech/dist/index.js')
  );
  const { MEDIAJOB_ENGINE: _, ...env } = process.env;
  if (!existsSync(speech.enginePath({ env }))) {
    ensurePrograms(['cmake', 'c++', 'make'], 'compiling the speech engine');
    say('images: compile the speech engine (whisper.cpp; a few minutes, once)');
  }
  const programs = await speech.buildEngine({ env });
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(programs, 'mediajob-engine'), join(directory, 'mediajob-engine'));
  copyFileSync(join(ROOT, WHISPER_CPP, 'LICENSE'), join(directory, 'LICENSE.whisper.cpp'));
}

/** What such an engine may use; another machine may lack some of it. */
export function cpuOfThisMachine(): string {
  return /^(flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? 'unknown';
}
