import { open } from 'node:fs/promises';
import { type MediaError, unsupported } from './errors.js';
import type { InputDescription } from './stream-info.js';
import { readWavFormat } from './wav.js';

/** What a file may lack without a word: the last seconds of a recording whose writer was stopped are no reason to refuse it. */
const TOLERATED_MS = 10_000;
/** Writers that cannot go back to their header put about this into it, or more. In bytes. */
const UNKNOWN_BYTES = 0x7ff0_0000;

/**
 * How long a file of sound says it is, in ms. Undefined where its header does not say, and for pictures with sound, whose
 * sound may well be shorter.
 */
export async function declaredDuration(input: string, description: InputDescription): Promise<number | undefined> {
  if (description.videoCodec !== undefined) return undefined;
  // Of a WAV ffmpeg tells what is there, not what the header claims.
  if (description.container === 'wav') return declaredByWav(input);
  return description.declaredMs;
}

async function declaredByWav(input: string): Promise<number | undefined> {
  const file = await open(input, 'r');
  try {
    const { declaredBytes, sampleRate, channels, bitsPerSample } = await readWavFormat(file);
    const bytesPerMs = (sampleRate * channels * bitsPerSample) / 8000;
    return declaredBytes >= UNKNOWN_BYTES || bytesPerMs === 0 ? undefined : Math.round(declaredBytes / bytesPerMs);
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

/**
 * The refusal of a file of which more than half is missing, by its own header; undefined when enough is there.
 * A transcript of the small rest would pass for one of the whole.
 */
export function truncation(declaredMs: number | undefined, thereMs: number): MediaError | undefined {
  if (declaredMs === undefined || declaredMs - thereMs < TOLERATED_MS || thereMs * 2 >= declaredMs) return undefined;
  return unsupported(
    'truncated',
    `Most of the recording is missing: it should last ${clock(declaredMs)}, but the file ends after ${clock(thereMs)}. Copy or upload it again from the original.`,
  );
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number): string => String(value % 60).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60))}:${two(seconds)}`;
}
