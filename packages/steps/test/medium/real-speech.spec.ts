import { access, copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Part, type StepOutcome, type StepRequest, Transcript } from '@mediajob/contract';
import { cacheDir, type EngineKind, enginePath, hasCt2Library, modelPath } from '@mediajob/speech';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import { runJob } from '../../src/index.js';
import { aTranscribeRequest, jobId } from '../fixtures/a-job.js';

const sample = fileURLToPath(new URL('../../../../samples/jfk.mp3', import.meta.url));
const modelsDir = join(cacheDir(), 'models');

/** Undefined when set-up has installed the engine and the model; otherwise what to run. */
async function missing(kind: EngineKind): Promise<string | undefined> {
  if (kind === 'ctranslate2' && !hasCt2Library()) return 'There is no CTranslate2 library for this machine.';
  try {
    await Promise.all([access(enginePath({ kind })), access(modelPath(modelsDir, 'base'))]);
    return undefined;
  } catch (error) {
    const why = `Engine or model is not installed: run npm run setup (${error instanceof Error ? error.message : error}).`;
    if (process.env.CI === 'true') throw new Error(why, { cause: error });
    return why;
  }
}

describe.each<EngineKind>(['whispercpp', 'ctranslate2'])('the entries of both images on real speech, by %s', (kind) => {
  it('make a transcript of a recording by nothing but their environment, and once more for nothing', async ({
    skip,
  }) => {
    const why = await missing(kind);
    if (why !== undefined) return skip(why);
    const root = await aTemporaryDirectory();
    await mkdir(join(root, 'inbox'));
    await copyFile(sample, join(root, 'inbox', 'jfk.mp3'));
    const environment = {
      MEDIAJOB_DATA_DIR: root,
      MEDIAJOB_MODELS_DIR: modelsDir,
      MEDIAJOB_RESERVE_BYTES: '0',
      MEDIAJOB_SPEECH_ENGINE: kind,
    };
    const run = async (request: StepRequest): Promise<{ code: number; outcome: StepOutcome; log: string }> => {
      let out = '';
      let log = '';
      const code = await runJob(['--request', JSON.stringify(request)], environment, {
        stdout: (text) => {
          out += text;
        },
        stderr: (text) => {
          log += text;
        },
      });
      return { code, outcome: JSON.parse(out) as StepOutcome, log };
    };

    const converted = await run({
      stage: 'convert',
      jobId,
      runId: 'convert-1',
      source: 'inbox/jfk.mp3',
      audioTrack: 0,
      transcript: true,
      plan: { targetMs: 300_000, windowMs: 30_000 },
      maxDurationMs: 3_600_000,
    });
    expect(converted.code, converted.log).toBe(0);

    const request = aTranscribeRequest({
      finalize: { formats: ['srt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
    });
    const first = await run(request);
    expect(first.code, first.log).toBe(0);
    expect(first.outcome).toMatchObject({ result: { language: 'en', chunks: 1, finalize: { language: 'en' } } });
    const transcript = Transcript.parse(
      JSON.parse(await readFile(join(root, 'outputs', jobId, 'transcript.json'), 'utf8')),
    );
    const text = transcript.word_segments.map((it) => it.word).join(' ');
    expect(text.toLowerCase().replace(/[^a-z ]/g, '')).toContain('ask not what your country can do for you');

    const part = Part.parse(JSON.parse(await readFile(join(root, `jobs/${jobId}/work/parts/000000.json`), 'utf8')));
    expect(part.engine.name).toBe({ whispercpp: 'whisper.cpp', ctranslate2: 'CTranslate2' }[kind]);

    const again = await run({ ...request, runId: 'run-2' });
    expect(again.outcome).toEqual(first.outcome);
    expect(again.log).toContain('this step was finished before');
  });
});
