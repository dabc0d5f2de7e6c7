import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FfmpegOptions } from '../src/ffmpeg.js';
import { wavOf } from './signals.js';

const run = promisify(execFile);

/** For tests: the ffmpeg on PATH, patient enough for a busy machine. */
export const ffmpeg: FfmpegOptions = { path: 'ffmpeg', stallMs: 60_000, threads: 2 };

/** A folder for one test file, and how to make media in it. */
export class Studio {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Studio> {
    return new Studio(await mkdtemp(join(tmpdir(), 'mediajob-media-')));
  }

  close(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async write(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(this.path(name), content);
    return this.path(name);
  }

  /** Runs ffmpeg in the folder, unguarded: only to make files for tests. The last argument is the file. */
  async ffmpeg(...args: string[]): Promise<string> {
    await run('ffmpeg', ['-nostdin', '-y', '-loglevel', 'error', ...args], { cwd: this.folder });
    return this.path(args.at(-1) ?? '');
  }

  /** A WAV of 16 kHz that speaks (in vowels) between the given times, over faint noise. */
  async voice(name: string, durationMs: number, ...spoken: [number, number][]): Promise<string> {
    return this.write(name, wavOf(voice(durationMs, spoken)));
  }

  /** The same as {@link voice}, encoded by ffmpeg with the given options; 44.1 kHz stereo where the encoder allows. */
  async recording(
    name: string,
    options: string[],
    durationMs = 4000,
    spoken: [number, number][] = [[1000, 3000]],
  ): Promise<string> {
    const wav = await this.voice(`${name}.raw.wav`, durationMs, ...spoken);
    return this.ffmpeg('-i', wav, '-ar', rateFor(name, options), '-ac', '2', ...options, name);
  }

  /** A video of 4 s, with the voice of {@link recording}. The voice may begin late. */
  async video(name: string, options: string[], { lateMs = 0, size = '160x120' } = {}): Promise<string> {
    const wav = await this.voice(`${name}.raw.wav`, 4000 - lateMs, [200, 1500]);
    const picture = ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=25:duration=4`];
    const sound = ['-itsoffset', String(lateMs / 1000), '-i', wav];
    return this.ffmpeg(
      ...picture,
      ...sound,
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-pix_fmt',
      'yuv420p',
      '-ar',
      rateFor(name, options),
      ...options,
      name,
    );
  }
}

/** libopus takes no 44.1 kHz, FLV no 48 kHz. */
function rateFor(name: string, options: readonly string[]): string {
  return [name, ...options].some((it) => /opus/.test(it)) ? '48000' : '44100';
}

/** Harmonics of 120 Hz in syllables of a quarter of a second, over noise of about -70 dB. */
function voice(durationMs: number, spoken: readonly [number, number][]): Int16Array {
  let seed = 1;
  return Int16Array.from({ length: durationMs * 16 }, (_, i) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    const hiss = 20 * (seed / 1_073_741_824 - 1);
    const ms = i / 16;
    if (!spoken.some(([from, to]) => ms >= from && ms < to)) return Math.round(hiss);
    const syllable = 0.6 - 0.4 * Math.cos((2 * Math.PI * 4 * ms) / 1000);
    let sum = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++)
      sum += Math.sin((2 * Math.PI * 120 * harmonic * ms) / 1000) / harmonic;
    return Math.round(hiss + 8000 * syllable * sum);
  });
}

/** An AMR-NB file without an encoder: frames of 12.2 kbit/s (RFC 4867 §5), 20 ms each, of repeatable bits. */
export function anAmr(durationMs: number): Buffer {
  const frames = Array.from({ length: durationMs / 20 }, (_, frame) =>
    Buffer.from([0x3c, ...Array.from({ length: 31 }, (_byte, i) => (frame * 31 + i * 97 + ((frame * i) % 13)) % 256)]),
  );
  return Buffer.concat([Buffer.from('#!AMR\n'), ...frames]);
}
