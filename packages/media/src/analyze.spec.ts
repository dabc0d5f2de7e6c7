import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Peaks } from '@mediajob/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wavOf } from '../test/signals.js';
import { analyzeWav, FLOOR_DB, LevelMeter } from './analyze.js';
import { peaksOf } from './peaks.js';

const RATE = 16_000;
const tone = (ms: number, amplitude: number, hz = 1000) =>
  Int16Array.from({ length: (RATE * ms) / 1000 }, (_, i) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hz * i) / RATE)),
  );
const meter = (samples: Int16Array, ...cuts: number[]) => {
  const it = new LevelMeter(RATE, samples.length);
  let from = 0;
  for (const cut of [...cuts, samples.length]) {
    it.push(samples.subarray(from, cut));
    from = cut;
  }
  return it.finish();
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediajob-analyze-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function wavFile(name: string, bytes: Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

describe('the loudness of a recording', () => {
  it('is given for each 20 ms in dB below full scale', () => {
    const { levels } = meter(tone(1000, 32767));
    expect(levels).toHaveLength(50);
    expect(levels[25]).toBeCloseTo(-3, 0);
    expect(meter(tone(1000, 3277)).levels[25]).toBeCloseTo(-23, 0);
  });

  it('is the floor where there is nothing, and leaves out a constant offset and hum', () => {
    expect(meter(new Int16Array(RATE)).levels.every((level) => level === FLOOR_DB)).toBe(true);
    const offset = meter(new Int16Array(RATE).fill(5000)).levels;
    expect(offset[49]).toBeLessThan(-90);
    const hum = meter(tone(1000, 3277, 50)).levels[25] ?? 0;
    const voice = meter(tone(1000, 3277, 500)).levels[25] ?? 0;
    expect(voice - hum).toBeGreaterThan(5);
  });

  it('does not depend on how the samples arrive', () => {
    const samples = tone(777, 12_345);
    expect(meter(samples, 1, 2, 319, 320, 321, 5000, 5001)).toEqual(meter(samples));
  });

  it('counts a last frame that is not whole', () => {
    expect(meter(tone(30, 32767)).levels).toHaveLength(2);
    expect(meter(tone(30, 32767)).levels[1]).toBeCloseTo(-3, 0);
  });
});

describe('the waveform', () => {
  it('has eight values a second from 0 to 255', () => {
    const samples = new Int16Array(RATE * 2);
    samples[100] = 32767;
    samples[RATE] = -32768;
    samples[RATE + 3000] = 16384;
    const peaks = peaksOf(meter(samples));
    expect(Peaks.parse(peaks)).toEqual(peaks);
    expect(peaks.values).toEqual([255, 0, 0, 0, 0, 0, 0, 0, 255, 128, 0, 0, 0, 0, 0, 0]);
  });
});

describe('reading a WAV', () => {
  it('gives the same as its samples', async () => {
    const samples = tone(3210, 20_000);
    expect(await analyzeWav(await wavFile('tone.wav', wavOf(samples)))).toEqual(meter(samples));
  });

  it('skips chunks before the samples, and stops at their end', async () => {
    const samples = tone(100, 20_000);
    const wav = wavOf(samples);
    const list = Buffer.concat([Buffer.from('LIST'), Buffer.from([3, 0, 0, 0]), Buffer.from('abc\0')]);
    const trailer = Buffer.from('id3 \x05\0\0\0hello');
    const odd = Buffer.concat([wav.subarray(0, 36), list, wav.subarray(36), trailer]);
    expect(await analyzeWav(await wavFile('odd.wav', odd))).toEqual(meter(samples));
  });

  it('takes what is there of a WAV that was cut off', async () => {
    const samples = tone(1000, 20_000);
    const path = await wavFile('cut.wav', wavOf(samples).subarray(0, 44 + 16_001));
    expect((await analyzeWav(path)).durationMs).toBe(500);
  });

  it.each<[string, Buffer]>([
    ['empty', Buffer.alloc(0)],
    ['an MP3', Buffer.from('ID3')],
    ['stereo', wavOf(new Int16Array(100), { channels: 2 })],
    ['without samples', wavOf(new Int16Array(0)).subarray(0, 36)],
  ])('refuses what is %s', async (name, bytes) => {
    await expect(analyzeWav(await wavFile(`${name}.wav`, bytes))).rejects.toMatchObject({
      name: 'MediaError',
      code: 'failed',
    });
  });

  it('says so when the file is not there', async () => {
    await expect(analyzeWav(join(folder, 'none.wav'))).rejects.toMatchObject({ code: 'input-not-found' });
  });

  it('stops when asked to', async () => {
    const path = await wavFile('stop.wav', wavOf(tone(100, 1000)));
    await expect(analyzeWav(path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'interrupted' });
  });
});
