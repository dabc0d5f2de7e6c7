import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../../scripts/setup/paths.ts';

export const SAMPLE = join(ROOT, 'samples/jfk.mp3');
export const SAMPLE_TEXT = 'ask not what your country can do for you';

/** The bundled speech, again and again with pauses of 2 s between, as FLAC. */
export function loopedSpeech(path: string, times: number): void {
  const pieces = Array.from({ length: times }, (_, index) => `[piece${index}]`).join('');
  const filter = `[0:a]aresample=16000,apad=pad_dur=2,asplit=${times}${pieces};${pieces}concat=n=${times}:v=0:a=1`;
  execFileSync('ffmpeg', [
    '-nostdin',
    '-v',
    'error',
    '-y',
    '-i',
    SAMPLE,
    '-filter_complex',
    filter,
    '-c:a',
    'flac',
    path,
  ]);
}
