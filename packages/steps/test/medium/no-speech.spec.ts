import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Window } from '@mediajob/contract';
import { analyzeWav, planChunks } from '@mediajob/media';
import {
  cacheDir,
  clipped,
  type Engine,
  type EngineKind,
  enginePath,
  hasCt2Library,
  modelPath,
  openEngine,
  type Review,
  wordErrorRate,
} from '@mediajob/speech';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import { hearWindow } from '../../src/hear-window.js';
import { makeSound, SOUNDS, SPOKEN, speechAroundSound } from '../fixtures/sounds.js';

const modelsDir = process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models');
const window = { startMs: 0, endMs: 15_000 };

function hear(engine: Engine, wavPath: string, span: Window, speech: readonly Window[]) {
  return hearWindow(engine, span, {
    request: { wavPath, language: 'en', task: 'transcribe' },
    evidence: { window: span, speech: clipped(speech, span), tellsSpeech: true, language: 'en' },
    quality: 'balanced',
    fallback: async () => undefined,
    signal: new AbortController().signal,
  });
}

describe.each<EngineKind>(['whispercpp', 'ctranslate2'])('sounds without speech, by %s', (kind) => {
  let engine: Engine | undefined;
  let why = '';

  beforeAll(async () => {
    try {
      if (kind === 'ctranslate2' && !hasCt2Library()) {
        why = 'There is no CTranslate2 library for this machine.';
        return;
      }
      await Promise.all([access(enginePath({ kind })), access(modelPath(modelsDir, 'base'))]);
    } catch (error) {
      why = `Engine or model is not installed: run npm run setup (${error}).`;
      if (process.env.CI === 'true') throw new Error(why, { cause: error });
      return;
    }
    engine = await openEngine({
      ...{ program: enginePath({ kind }), modelPath: modelPath(modelsDir, 'base') },
      ...{ states: 1, threads: 1, stallMs: 600_000 },
    });
  });
  afterAll(() => engine?.close());

  it.for(Object.keys(SOUNDS))('%s gives no words, though it is decoded as a whole', async (name, { skip }) => {
    if (engine === undefined) return skip(why);
    const wavPath = join(await aTemporaryDirectory(), 'sound.wav');
    await makeSound(SOUNDS[name] ?? '', wavPath);
    const { review } = await hear(engine, wavPath, window, []);
    expect(review.segments.map((it) => it.text)).toEqual([]);
  });

  it('music between two sentences takes no word away and adds none, in windows of the plan and as a whole', async ({
    skip,
  }) => {
    if (engine === undefined) return skip(why);
    const wavPath = join(await aTemporaryDirectory(), 'mixed.wav');
    const sound = await speechAroundSound(SOUNDS['music with drums'] ?? '', wavPath);
    const map = await analyzeWav(wavPath, { detector: 'silero' });
    const plan = planChunks(map, { targetMs: 300_000, windowMs: 30_000 });
    const speech = plan.chunks.flatMap((it) => it.speech ?? []);
    const planned = plan.chunks.flatMap((it) => it.windows);
    expect(planned.filter((it) => it.endMs > sound.startMs + 1500 && it.startMs < sound.endMs - 1500)).toEqual([]);
    for (const windows of [planned, [{ startMs: 0, endMs: plan.durationMs }]]) {
      const reviews: Review[] = [];
      for (const window of windows) reviews.push((await hear(engine, wavPath, window, speech)).review);
      const text = reviews.flatMap((it) => it.segments.map((segment) => segment.text)).join(' ');
      // One word of 44 at most: "Americans" has been heard as "American".
      expect(wordErrorRate(`${SPOKEN} ${SPOKEN}`, text).rate, text).toBeLessThanOrEqual(0.03);
      expect(reviews.flatMap((it) => it.omissions)).toEqual([]);
    }
  });
});
