import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cacheDir,
  checkCues,
  cueRules,
  cuesOf,
  decodingOptions,
  documentOf,
  type Engine,
  enginePath,
  installedModel,
  openEngine,
  segmentsOf,
  textWidth,
  voteLanguage,
  wordErrorRate,
} from '../../src/index.js';

const run = promisify(execFile);
const sample = fileURLToPath(new URL('../../../../samples/jfk.mp3', import.meta.url));
const SPOKEN =
  'And so my fellow Americans ask not what your country can do for you ask what you can do for your country';
const window = { startMs: 0, endMs: 11_000 };

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'speech-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe('real speech', () => {
  let engine: Engine;
  let wavPath: string;

  beforeAll(async () => {
    const model = await installedModel(process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models'), 'base');
    if (model === undefined) throw new Error('The model base is not installed. Run: npm run setup');
    wavPath = join(directory, 'jfk.wav');
    await run('ffmpeg', ['-v', 'error', '-i', sample, '-ar', '16000', '-ac', '1', '-c:a', 'pcm_s16le', wavPath]);
    engine = await openEngine({
      program: enginePath(),
      modelPath: model.path,
      states: 1,
      threads: 1,
      stallMs: 120_000,
    });
  });
  afterAll(async () => {
    await engine?.close();
  });

  const transcribe = async () => {
    const request = {
      wavPath,
      ...window,
      language: 'en',
      task: 'transcribe',
      options: decodingOptions('balanced'),
    } as const;
    return segmentsOf((await engine.decode(request)).segments, 'en', window);
  };

  it('becomes its words, each with times inside the audio', async () => {
    const segments = await transcribe();
    expect(segments.map((it) => it.text).join(' ')).toContain('ask not what your country can do for you');
    const words = segments.flatMap((it) => it.words);
    expect(wordErrorRate(SPOKEN, words.map((it) => it.text).join(' ')).rate).toBe(0);
    let last = 0;
    for (const word of words) {
      expect(word.startMs).toBeGreaterThanOrEqual(last);
      expect(word.endMs).toBeGreaterThan(word.startMs);
      last = word.endMs;
    }
    expect(last).toBeLessThanOrEqual(window.endMs);
    expect(segments.flatMap((it) => it.doubts)).toEqual([]);
  });

  it('becomes subtitles that pause where the speaker does', async () => {
    const segments = await transcribe();
    const rules = { preset: 'netflix' } as const;
    const cues = cuesOf(segments, rules, 'en', window.endMs);
    expect(cues.length).toBeGreaterThan(1);
    expect(cues[0]?.lines.join(' ')).toMatch(/^And so,? my fellow Americans,$/);
    // He waits for a second after "Americans".
    expect((cues[1]?.startMs ?? 0) - (cues[0]?.endMs ?? 0)).toBeGreaterThan(300);
    for (const line of cues.flatMap((it) => it.lines)) expect(textWidth(line)).toBeLessThanOrEqual(42);
    expect(checkCues(cues, cueRules(rules, 'en'))).toMatchObject({ cues: cues.length, inside: cues.length });
    const head = {
      ...{ language: 'en' as const, languageProbability: 1, task: 'transcribe' as const },
      ...{ model: 'base', durationMs: window.endMs },
    };
    const pieces = documentOf('vtt', {
      head,
      rules,
      async *segments() {
        yield segments;
      },
    });
    let vtt = '';
    for await (const piece of pieces) vtt += piece.toString();
    expect(vtt).toMatch(/^WEBVTT\n\n00:00:0/);
    // All words but the first of each cue say when they begin.
    expect(vtt.match(/<00:00:\d\d\.\d{3}>/g)?.length).toBe(cues.flatMap((it) => it.words.flat()).length - cues.length);
  });

  it('is English', async () => {
    const candidates = await engine.detectLanguage({ wavPath, ...window });
    const vote = voteLanguage([{ ...window, candidates }]);
    expect(vote.language).toBe('en');
    expect(vote.probability).toBeGreaterThan(0.8);
  });
});
