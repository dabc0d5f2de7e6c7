import { open } from 'node:fs/promises';
import type { Detector } from '@mediajob/contract';
import { MediaError, storageErrorOf } from './errors.js';
import { VOICE_SAMPLE_RATE, type VoiceMap, VoiceMeter } from './vad/voice-meter.js';
import { assertMono16, readWavFormat } from './wav.js';

/** Loudness of a recording over time; what peaks and the chunk plan are made from. */
export interface AudioMap {
  durationMs: number;
  /** Length of a frame in ms. */
  frameMs: number;
  /** Level of each frame in dB below full scale (0 = a square wave at full scale, FLOOR_DB = nothing), rumble below about 100 Hz left out. */
  levels: Float32Array;
  /** Loudest sample of each slot, 0 to 255. */
  peaks: Uint8Array;
  /** Slots of `peaks` a second. */
  peaksPerSecond: number;
  /** Where a network hears somebody speak; left out when none has listened. */
  voice?: VoiceMap;
}

/** Level of digital silence. */
export const FLOOR_DB = -100;
export const FRAME_MS = 20;
export const PEAKS_PER_SECOND = 8;
/** 8 s: everything else of a process waits while a block is looked at. */
const BLOCK_BYTES = 1 << 18;

export interface AnalyzeOptions {
  /** silero also listens for voices, which takes 15 s for an hour; it needs 16 kHz. Left out: energy. */
  detector?: Detector | undefined;
  signal?: AbortSignal | undefined;
  /** 0 to 1. */
  onProgress?(fraction: number): void;
}

/**
 * Reads a 16-bit mono WAV once, in blocks of 256 KiB: 240 bytes of result for a second, whatever the length.
 *
 * @param wavPath - absolute path of a file of our own
 * @throws MediaError `interrupted`, `input-not-found`, `storage-error`, `failed` (not such a WAV)
 */
export async function analyzeWav(wavPath: string, options: AnalyzeOptions = {}): Promise<AudioMap> {
  try {
    const file = await open(wavPath, 'r');
    try {
      const format = await readWavFormat(file);
      assertMono16(format);
      const meter = new LevelMeter(format.sampleRate, format.dataBytes / 2);
      const listens = options.detector === 'silero' && format.sampleRate === VOICE_SAMPLE_RATE;
      const voice = listens ? new VoiceMeter(format.dataBytes / 2) : undefined;
      const block = Buffer.alloc(BLOCK_BYTES);
      const end = format.dataOffset + format.dataBytes;
      for (let at = format.dataOffset; at < end; ) {
        if (options.signal?.aborted) {
          throw new MediaError('interrupted', 'The media work was stopped.', { cause: options.signal.reason });
        }
        const wanted = Math.min(BLOCK_BYTES, end - at);
        const bytesRead = await readFully(file.read.bind(file), block, wanted, at);
        if (bytesRead < wanted) {
          throw new MediaError('storage-error', 'The converted audio became shorter while it was read.');
        }
        const samples = new Int16Array(block.buffer, block.byteOffset, bytesRead / 2);
        meter.push(samples);
        voice?.push(samples);
        at += bytesRead;
        options.onProgress?.((at - format.dataOffset) / format.dataBytes);
      }
      return voice === undefined ? meter.finish() : { ...meter.finish(), voice: voice.finish() };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storageErrorOf(error, 'The converted audio');
  }
}

/** Reads until `length` bytes are there or the file ends: one read may bring less on a network disk. */
async function readFully(
  read: (buffer: Buffer, offset: number, length: number, position: number) => Promise<{ bytesRead: number }>,
  buffer: Buffer,
  length: number,
  position: number,
): Promise<number> {
  let done = 0;
  while (done < length) {
    const { bytesRead } = await read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** Level and peak of samples that come in pieces of any length. */
export class LevelMeter {
  readonly #levels: Float32Array;
  readonly #peaks: Uint8Array;
  readonly #samplesPerFrame: number;
  readonly #samplesPerPeak: number;
  readonly #durationMs: number;
  #frame = 0;
  #inFrame = 0;
  #sum = 0;
  #slot = 0;
  #inSlot = 0;
  #peak = 0;
  // One-pole high-pass, y[n] = 0.96 (y[n-1] + x[n] - x[n-1]): takes out DC and mains hum, which would hide pauses.
  #x = 0;
  #y = 0;

  constructor(sampleRate: number, samples: number) {
    this.#samplesPerFrame = Math.round((sampleRate * FRAME_MS) / 1000);
    this.#samplesPerPeak = Math.round(sampleRate / PEAKS_PER_SECOND);
    this.#durationMs = Math.floor((samples * 1000) / sampleRate);
    this.#levels = new Float32Array(Math.ceil(samples / this.#samplesPerFrame));
    this.#peaks = new Uint8Array(Math.ceil(samples / this.#samplesPerPeak));
  }

  push(samples: Int16Array): void {
    for (let from = 0; from < samples.length; ) {
      const run = Math.min(
        samples.length - from,
        this.#samplesPerFrame - this.#inFrame,
        this.#samplesPerPeak - this.#inSlot,
      );
      this.#run(samples, from, from + run);
      from += run;
      this.#inFrame += run;
      this.#inSlot += run;
      if (this.#inFrame === this.#samplesPerFrame) this.#endFrame();
      if (this.#inSlot === this.#samplesPerPeak) this.#endSlot();
    }
  }

  #run(samples: Int16Array, from: number, to: number): void {
    let x = this.#x;
    let y = this.#y;
    let sum = this.#sum;
    let peak = this.#peak;
    for (let i = from; i < to; i++) {
      const sample = samples[i] as number;
      y = 0.96 * (y + sample - x);
      x = sample;
      sum += y * y;
      const size = sample < 0 ? -sample : sample;
      if (size > peak) peak = size;
    }
    this.#x = x;
    this.#y = y;
    this.#sum = sum;
    this.#peak = peak;
  }

  #endFrame(): void {
    this.#levels[this.#frame++] = levelOf(this.#sum, this.#inFrame);
    this.#inFrame = 0;
    this.#sum = 0;
  }

  #endSlot(): void {
    this.#peaks[this.#slot++] = peakOf(this.#peak);
    this.#inSlot = 0;
    this.#peak = 0;
  }

  finish(): AudioMap {
    if (this.#inFrame > 0) this.#endFrame();
    if (this.#inSlot > 0) this.#endSlot();
    return {
      durationMs: this.#durationMs,
      frameMs: FRAME_MS,
      levels: this.#levels,
      peaks: this.#peaks,
      peaksPerSecond: PEAKS_PER_SECOND,
    };
  }
}

function levelOf(sumOfSquares: number, samples: number): number {
  const power = sumOfSquares / samples / (32768 * 32768);
  return power <= 1e-10 ? FLOOR_DB : 10 * Math.log10(power);
}

function peakOf(size: number): number {
  return Math.min(255, Math.round((size * 255) / 32767));
}
