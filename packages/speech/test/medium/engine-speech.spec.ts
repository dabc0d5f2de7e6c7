import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDir, decodingOptions, type Engine, openEngine } from '../../src/engine/index.js';
import { modelPath } from '../../src/models/index.js';
import { testedEngines } from '../fixtures/engines.js';

// The true model on true speech: Kennedy's sentence, 11 s, public domain, from whisper.cpp's samples.
const directory = mkdtempSync(join(tmpdir(), 'speech-'));
const wavPath = join(directory, 'jfk.wav');
const model = modelPath(process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models'), 'base');
const window = { wavPath, startMs: 0, endMs: 11_000, language: 'en', task: 'transcribe' } as const;

beforeAll(async () => {
  if (!existsSync(model)) throw new Error(`There is no model ${model}: run npm run setup`);
  const whisper = dirname(createRequire(import.meta.url).resolve('nodejs-whisper/package.json'));
  const sample = join(whisper, 'cpp/whisper.cpp/samples/jfk.mp3');
  const convert = ['-i', sample, '-ar', '16000', '-ac', '1', '-c:a', 'pcm_s16le', wavPath];
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...convert]);
});

/** Kennedy's sentence, a pause of 1.2 s, and what `input` makes. */
function kennedyAnd(name: string, input: string[]): { wavPath: string; startMs: number; endMs: number } {
  const path = join(directory, `${name}.wav`);
  const filter = '[0]apad=pad_dur=1.2[a];[1]aformat=sample_rates=16000:channel_layouts=mono[b];[a][b]concat=v=0:a=1';
  const output = ['-filter_complex', filter, '-c:a', 'pcm_s16le', path];
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', '-i', wavPath, ...input, ...output]);
  const seconds = (readFileSync(path).length - 44) / 32_000;
  return { wavPath: path, startMs: 0, endMs: Math.floor(seconds * 1000) };
}

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Loudness of a span of the WAV, in dB of full scale. */
function levelOf(startMs: number, endMs: number): number {
  const samples = readFileSync(wavPath).subarray(44 + startMs * 32, 44 + Math.max(endMs, startMs + 10) * 32);
  let sum = 0;
  for (let i = 0; i + 1 < samples.length; i += 2) sum += (samples.readInt16LE(i) / 32_768) ** 2;
  return 10 * Math.log10(sum / (samples.length / 2) + 1e-10);
}

const textOf = ({ segments }: Awaited<ReturnType<Engine['decode']>>) =>
  Buffer.concat(segments.flatMap((it) => it.tokens.map((token) => token.bytes))).toString();

describe.each(testedEngines())('the base model on $name', ({ program }) => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await openEngine({ program, modelPath: model, states: 2, threads: 1, stallMs: 120_000 });
  });

  afterAll(async () => {
    await engine?.close();
  });

  it('hears what was said, in every quality, and knows how sure it is', async () => {
    for (const quality of ['fast', 'balanced', 'best'] as const) {
      const result = await engine.decode({ ...window, options: decodingOptions(quality) });
      const words = textOf(result)
        .toLowerCase()
        .replaceAll(/[^a-z ]/g, '');
      expect(words).toContain('ask not what your country can do for you');
      for (const segment of result.segments) {
        expect(segment.avgLogprob).toBeGreaterThan(-0.6);
        expect(segment.avgLogprob).toBeLessThan(0);
        expect(segment.noSpeechProbability).toBeLessThan(0.2);
      }
    }
  });

  it('puts every word where there is sound, and none into the pauses', async () => {
    const { segments } = await engine.decode({ ...window, options: decodingOptions('balanced') });
    const words = segments.flatMap((it) => it.tokens).filter((it) => /^ \w/.test(Buffer.from(it.bytes).toString()));
    expect(words.length).toBeGreaterThan(20);
    const speech = levelOf(0, 11_000);
    for (const word of words) {
      expect(word.endMs - word.startMs).toBeGreaterThan(0);
      expect(word.endMs - word.startMs).toBeLessThan(1200);
      expect(levelOf(word.startMs, word.endMs)).toBeGreaterThan(speech - 15);
    }
    // He stops for a second before the first "ask".
    const ask = words.find((it) => Buffer.from(it.bytes).toString().toLowerCase() === ' ask');
    expect(ask?.startMs).toBeGreaterThan(2900);
    expect(ask?.startMs).toBeLessThan(3700);
  });

  it('hears who speaks after a pause, though the model takes the first one’s end for the end of all', async () => {
    const spoken = join(directory, 'sister.wav');
    const text =
      'My sister works in a small hospital near the station. Every day she takes the early train and reads a book.';
    execFileSync('espeak-ng', ['-v', 'en-us', '-s', '150', '-w', spoken, text]);
    const two = kennedyAnd('two', ['-i', spoken]);
    const result = await engine.decode({ ...window, ...two, options: decodingOptions('fast') });
    expect(textOf(result)).toMatch(/do for your country\. My sister works in a small hospital near the station\./);
    const sister = result.segments.find((it) => it.startMs > 11_000);
    expect(sister?.startMs).toBeGreaterThanOrEqual(12_100);
    expect(sister?.startMs).toBeLessThan(12_500);
  });

  it.each([
    ['noise', 'anoisesrc=d=9:c=pink:r=16000:a=0.3:seed=7'],
    ['hum', 'sine=f=50:d=9:r=16000'],
    [
      'a chord',
      'aevalsrc=0.2*sin(2*PI*220*t)+0.2*sin(2*PI*277*t)+0.15*sin(2*PI*330*t)*(1+sin(2*PI*3*t))/2:d=9:s=16000',
    ],
  ])('makes no words of %s after speech', async (name, source) => {
    const two = kennedyAnd(name, ['-f', 'lavfi', '-i', source]);
    const result = await engine.decode({ ...window, ...two, options: decodingOptions('fast') });
    expect(textOf(result)).toMatch(/do for your country\.$/);
  });

  it('knows the language, and decodes a part of a file as the whole file’s times', async () => {
    const [best] = await engine.detectLanguage(window);
    expect(best?.language).toBe('en');
    expect(best?.probability).toBeGreaterThan(0.8);
    const part = await engine.decode({ ...window, startMs: 7800, options: decodingOptions('balanced') });
    expect(textOf(part).toLowerCase()).toContain('what you can do for your country');
    expect(part.segments[0]?.startMs).toBeGreaterThanOrEqual(7800);
    expect(part.segments.at(-1)?.endMs).toBeLessThanOrEqual(11_000);
  });
});
