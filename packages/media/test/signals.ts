import { type AudioMap, FLOOR_DB, FRAME_MS, PEAKS_PER_SECOND } from '../src/analyze.js';

/** For tests: a stretch of a recording, as levels of frames. */
export interface Piece {
  frames: number;
  levelAt(frame: number): number;
}

/** A repeatable number between -1 and 1. */
function wobble(seed: number): number {
  const x = Math.sin(seed * 12.9898) * 43758.5453;
  return 2 * (x - Math.floor(x)) - 1;
}

/** Steady noise: frames differ by at most 1 dB. -100 is digital silence. */
export function noise(ms: number, levelDb: number): Piece {
  return {
    frames: Math.round(ms / FRAME_MS),
    levelAt: (frame) => (levelDb <= FLOOR_DB ? FLOOR_DB : levelDb + wobble(frame)),
  };
}

/** Syllables four times a second: levels swing by 9 dB below the given one. */
export function speech(ms: number, levelDb: number): Piece {
  return {
    frames: Math.round(ms / FRAME_MS),
    levelAt: (frame) => levelDb - 4.5 + 4.5 * Math.cos((2 * Math.PI * 4 * frame * FRAME_MS) / 1000) + wobble(frame),
  };
}

/** The map of a recording made of the pieces. */
export function aMap(...pieces: Piece[]): AudioMap {
  const levels = Float32Array.from(
    pieces.flatMap((piece) => Array.from({ length: piece.frames }, (_, frame) => piece.levelAt(frame))),
  );
  const durationMs = levels.length * FRAME_MS;
  return {
    durationMs,
    frameMs: FRAME_MS,
    levels,
    peaks: new Uint8Array(Math.ceil((durationMs * PEAKS_PER_SECOND) / 1000)),
    peaksPerSecond: PEAKS_PER_SECOND,
  };
}

/** A 16-bit WAV of the samples, 16 kHz. */
export function wavOf(samples: Int16Array, { channels = 1, sampleRate = 16_000 } = {}): Buffer {
  const header = Buffer.alloc(44);
  const bytes = samples.length * 2;
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + bytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(bytes, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, bytes)]);
}
