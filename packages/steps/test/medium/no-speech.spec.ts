import { access } from 'node:fs/promises';
import { join } from 'node:path';
import {
  cacheDir,
  type Engine,
  type EngineKind,
  enginePath,
  hasCt2Library,
  modelPath,
  openEngine,
} from '@mediajob/speech';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import { hearWindow } from '../../src/hear-window.js';
import { makeSound, SOUNDS } from '../fixtures/sounds.js';

const modelsDir = process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models');
const window = { startMs: 0, endMs: 15_000 };

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
    const { review } = await hearWindow(engine, window, {
      request: { wavPath, language: 'en', task: 'transcribe' },
      evidence: { window, speech: [], tellsSpeech: true, language: 'en' },
      quality: 'balanced',
      fallback: async () => undefined,
      signal: new AbortController().signal,
    });
    expect(review.segments.map((it) => it.text)).toEqual([]);
  });
});
