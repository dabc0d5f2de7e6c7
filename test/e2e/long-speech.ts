import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loopedSpeech } from '../system/speech.ts';
import type { Release } from './release.ts';

/** Operator's settings by which a recording of two minutes has several chunks. */
export const SHORT_CHUNKS = { MEDIAJOB_CHUNK_TARGET: '30s' };

/** Puts the bundled speech, `times` over with pauses, into inbox/: 13 s each. @returns its path on the volume */
export async function putLongSpeech(release: Release, times: number): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'mediajob-speech-'));
  try {
    const file = join(directory, 'long.flac');
    loopedSpeech(file, times);
    return await release.putSample(`speech-${times}.flac`, file);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
