import type { FileHandle } from 'node:fs/promises';
import { MediaError } from './errors.js';

/** Where the samples of a PCM WAV lie. */
export interface WavFormat {
  sampleRate: number;
  channels: number;
  bitsPerSample: number;
  /** First byte of the samples. */
  dataOffset: number;
  /** Bytes of samples that are really in the file, whole frames only. */
  dataBytes: number;
  /** Bytes of samples that the header claims. */
  declaredBytes: number;
}

/**
 * Reads the header of a PCM WAV (RIFF, chunks in any order before `data`).
 *
 * @throws MediaError `failed` when it is none: our own files are always good, unless something damaged them
 */
export async function readWavFormat(file: FileHandle): Promise<WavFormat> {
  const { size } = await file.stat();
  const head = Buffer.alloc(Math.min(size, 64 * 1024));
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  const bytes = head.subarray(0, bytesRead);
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') throw notWav();
  let format: Pick<WavFormat, 'sampleRate' | 'channels' | 'bitsPerSample'> | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = bytes.toString('latin1', at, at + 4);
    const length = bytes.readUInt32LE(at + 4);
    if (id === 'fmt ' && at + 24 <= bytes.length) {
      const tag = bytes.readUInt16LE(at + 8);
      if (tag !== 1 && tag !== 0xfffe) throw notWav();
      format = {
        channels: bytes.readUInt16LE(at + 10),
        sampleRate: bytes.readUInt32LE(at + 12),
        bitsPerSample: bytes.readUInt16LE(at + 22),
      };
    } else if (id === 'data') {
      if (format === undefined) throw notWav();
      const frame = Math.max(1, (format.channels * format.bitsPerSample) / 8);
      const there = Math.max(0, size - at - 8);
      // 0xffffffff and 0: the writer could not go back to fill it in.
      const declared = length === 0xffffffff ? there : length;
      const dataBytes = Math.min(there, declared);
      return { ...format, dataOffset: at + 8, dataBytes: dataBytes - (dataBytes % frame), declaredBytes: declared };
    }
    at += 8 + length + (length % 2);
  }
  throw notWav();
}

function notWav(): MediaError {
  return new MediaError('failed', 'The converted audio is not a WAV file. Run the conversion again.');
}

/** What the transcriber expects, and what {@link extractAudio} writes. */
export const SPEECH_SAMPLE_RATE = 16_000;

/** Asserts 16-bit mono PCM. */
export function assertMono16(format: WavFormat): void {
  if (format.channels !== 1 || format.bitsPerSample !== 16 || format.sampleRate < 1000) {
    throw new MediaError(
      'failed',
      `The audio must be 16-bit mono, but has ${format.channels} channels of ${format.bitsPerSample} bits. Run the conversion again.`,
    );
  }
}
