import { readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DetectedLanguage, Manifest, Part, StepResult, type TranscribeRequest, Transcript } from '@mediajob/contract';
import { EngineError } from '@mediajob/speech';
import { Volume, writeJsonAtomic } from '@mediajob/storage';
import { describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../storage/test/fixtures/temporary-directory.js';
import { aContext, aPlan, aTranscribeRequest, convertedJob, jobId } from '../test/fixtures/a-job.js';
import { FakeEngine, type FakeEngineOptions } from '../test/fixtures/fake-engine.js';
import { EnginePool } from './engine-pool.js';
import { runStep } from './run-step.js';

/** A volume with a converted job of three chunks with 3, 2 and 3 windows. */
async function aJob(options: FakeEngineOptions = {}, windows = [3, 2, 3]) {
  const volume = new Volume(await aTemporaryDirectory());
  await convertedJob(volume, aPlan(windows));
  const engine = new FakeEngine(options);
  const request = aTranscribeRequest({ chunks: { from: 0, to: windows.length } });
  const run = (wanted: Partial<TranscribeRequest> = {}, context = aContext(volume, { engine })) =>
    runStep({ ...request, ...wanted }, context);
  const partPath = (chunk: number) => volume.resolve(volume.layout.part(jobId, chunk));
  return { volume, engine, request, run, partPath };
}

const finalize = { formats: ['srt', 'vtt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } } as const;
const withFinalize = { finalize: { ...finalize, formats: [...finalize.formats] } };

describe('a transcribe run', () => {
  it('writes one part a chunk, each with its words, and then its manifest', async () => {
    const { volume, engine, run, partPath } = await aJob();
    const result = await run();
    expect(result).toMatchObject({
      stage: 'transcribe',
      shard: 0,
      chunks: 3,
      reused: 0,
      audioMs: 180_000,
      language: 'de',
      languageProbability: 0.9,
    });
    expect(StepResult.parse(result)).toEqual(result);
    expect(engine.decoded).toHaveLength(8);
    const part = Part.parse(JSON.parse(await readFile(partPath(1), 'utf8')));
    expect(part).toMatchObject({ chunk: 1, startMs: 60_000, endMs: 120_000, language: 'de' });
    expect(part.segments.map((it) => it.startMs)).toEqual([62_500, 82_500]);
    expect(part.segments[0]?.words[0]).toMatchObject({ text: 'de62500', startMs: 62_500 });
    const manifest = Manifest.parse(
      JSON.parse(await readFile(volume.resolve(volume.layout.stepManifest(jobId, 'transcribe', 0)), 'utf8')),
    );
    expect(manifest.files.map((it) => it.path)).toEqual([0, 1, 2].map((it) => volume.layout.part(jobId, it)));
    expect(manifest.tools).toMatchObject({ fake: '1.0' });
  });

  it('keeps every state of the engine busy over the borders of chunks', async () => {
    const { engine, run } = await aJob({ states: 4 }, [1, 1, 1, 1, 1, 1, 1, 1]);
    await run();
    expect(engine.mostInFlight).toBe(5);
    expect(engine.decoded).toEqual([...engine.decoded].sort((a, b) => a - b));
  });

  it('again gives the same result without asking the engine, or loading it', async () => {
    const { volume, engine, run } = await aJob();
    const first = await run();
    const context = aContext(volume, { engine });
    expect(await run({ runId: 'run-2' }, context)).toEqual(first);
    expect(engine.decoded).toHaveLength(8);
    expect(engine.detections).toBe(5);
    expect(context.opened).toEqual([]);
  });

  it('takes only its own chunks', async () => {
    const { engine, run, volume } = await aJob();
    await run({ shard: 1, chunks: { from: 1, to: 2 } });
    expect(engine.decoded).toEqual([62_500, 82_500]);
    expect(await readdir(volume.resolve(volume.layout.parts(jobId)))).toEqual(['000001.json']);
  });

  it('shows progress that only grows, from the parts it found to the end, with its speed', async () => {
    const { volume, engine, run } = await aJob();
    await run({ shard: 1, chunks: { from: 0, to: 1 } });
    const context = aContext(volume, { engine });
    await run(withFinalize, context);
    const fractions = context.shown.map((it) => it.fraction);
    expect(fractions[0]).toBeCloseTo(1 / 3);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    expect(Math.max(...context.shown.map((it) => it.processedMs ?? 0))).toBe(180_000);
    expect(context.shown.at(-2)?.realtimeFactor).toBeGreaterThan(0);
  });

  it('does not mix two models when one is installed anew while it begins', async () => {
    const { volume, engine, run, partPath } = await aJob();
    const context = aContext(volume, { engine });
    const identities = ['a', 'b'].map((it) => ({ modelPath: '/m', modelBytes: 1, modelSha256: it.repeat(64) }));
    const engines = new EnginePool({
      ttlMs: 1,
      identify: async () => identities.shift() ?? { modelPath: '/m', modelBytes: 1, modelSha256: 'b'.repeat(64) },
      open: async () => engine,
    });
    await expect(run({}, { ...context, engines })).rejects.toMatchObject({ failure: { reason: 'Temporary' } });
    await expect(stat(partPath(0))).rejects.toThrow(/ENOENT/);
    expect(await run({ runId: 'run-2' }, { ...context, engines })).toMatchObject({ chunks: 3 });
  });

  it('that failed goes on with the chunks that are missing', async () => {
    let broken = true;
    const { engine, run, partPath } = await aJob({
      states: 1,
      before({ startMs }) {
        if (broken && startMs >= 120_000) throw new EngineError('out-of-memory', 'The engine ran out of memory.');
      },
    });
    await expect(run()).rejects.toMatchObject({ failure: { exitCode: 137, reason: 'OutOfMemory' } });
    const before = await stat(partPath(0));
    broken = false;
    engine.decoded.length = 0;
    expect(await run({ runId: 'run-2' })).toMatchObject({ chunks: 3, reused: 2 });
    expect(engine.decoded).toEqual([122_500, 142_500, 162_500]);
    expect((await stat(partPath(0))).ino).toBe(before.ino);
  });

  it('that is asked to stop keeps finished parts and is Interrupted', async () => {
    const stop = new AbortController();
    const { volume, engine, run, partPath } = await aJob({
      states: 1,
      before({ startMs }) {
        if (startMs > 100_000) stop.abort(new Error('SIGTERM'));
      },
    });
    const context = aContext(volume, { engine, signal: stop.signal });
    await expect(run({}, context)).rejects.toMatchObject({ failure: { exitCode: 143, reason: 'Interrupted' } });
    await expect(stat(partPath(0))).resolves.toBeDefined();
    await expect(stat(partPath(2))).rejects.toThrow(/ENOENT/);
    expect(context.said.filter((it) => it.level === 'error')).toEqual([]);
  });
});

describe('a recording of several languages', () => {
  /** German, then Russian, then something that could be anything; most of the file is German. */
  const hears = (startMs: number) =>
    startMs < 60_000
      ? ({ language: 'de', probability: 0.95 } as const)
      : startMs < 120_000
        ? ({ language: 'ru', probability: 0.9 } as const)
        : ({ language: 'en', probability: 0.3 } as const);
  const mixed = { languageMode: 'perChunk', ...withFinalize } as const;
  const transcriptOf = async ({ volume }: Awaited<ReturnType<typeof aJob>>) =>
    Transcript.parse(
      JSON.parse(await readFile(volume.resolve(volume.layout.output(jobId, 'transcript.json')), 'utf8')),
    );

  it('has the language of each chunk on its segments, and that of the file where a chunk is not sure', async () => {
    const job = await aJob({ hears }, [3, 2, 3]);
    await job.run(mixed);
    const { segments, language } = await transcriptOf(job);
    const byChunk = [0, 1, 2].map((chunk) => [
      ...new Set(segments.filter((it) => Math.floor(it.start / 60) === chunk).map((it) => it.language)),
    ]);
    expect(byChunk).toEqual([['de'], ['ru'], ['de']]);
    expect(language).toBe('de');
    expect(segments.find((it) => it.language === 'ru')?.text).toMatch(/^ru62500/);
    const part = Part.parse(JSON.parse(await readFile(job.partPath(1), 'utf8')));
    expect(part.language).toBe('ru');
  });

  it('is one language when that is asked for', async () => {
    const job = await aJob({ hears });
    await job.run(withFinalize);
    const { segments, language } = await transcriptOf(job);
    expect(new Set(segments.map((it) => it.language))).toEqual(new Set([undefined]));
    expect(language).toBe('de');
  });

  it('comes out the same after the engine died in the middle of it', async () => {
    const calm = await aJob({ hears });
    await calm.run(mixed);
    let crashes = 1;
    const shaken = await aJob({
      hears,
      before({ startMs }) {
        if (startMs >= 62_500 && crashes-- > 0) throw new EngineError('crashed', 'The engine died.');
      },
    });
    await shaken.run(mixed);
    expect(await transcriptOf(shaken)).toEqual(await transcriptOf(calm));
  });

  it('is heard with the language that is asked for, when one is', async () => {
    const job = await aJob({ hears });
    await job.run({ ...mixed, language: 'fr' });
    expect(job.engine.detections).toBe(0);
    expect((await transcriptOf(job)).language).toBe('fr');
  });
});

describe('the engine dies', () => {
  it('once: what it had in hand is decoded again, and the transcript is the same as without', async () => {
    const calm = await aJob();
    await calm.run(withFinalize);
    let crashes = 1;
    const shaken = await aJob({
      before({ startMs }) {
        if (startMs >= 62_500 && crashes-- > 0) throw new EngineError('crashed', 'The engine died.');
      },
    });
    await shaken.run(withFinalize);
    const text = ({ volume }: typeof calm) =>
      readFile(volume.resolve(volume.layout.output(jobId, 'transcript.json')), 'utf8');
    expect(await text(shaken)).toBe(await text(calm));
    expect(shaken.engine.decoded.filter((it) => it === 62_500)).toHaveLength(2);
  });

  it('twice on the same window: the run fails as Temporary', async () => {
    const { run, engine } = await aJob({
      before({ startMs }) {
        if (startMs === 82_500) throw new EngineError('crashed', 'The engine died.');
      },
    });
    await expect(run()).rejects.toMatchObject({
      failure: { exitCode: 75, reason: 'Temporary', message: expect.stringMatching(/1:22\.5.*1:37\.5/) },
    });
    expect(engine.decoded.filter((it) => it === 82_500)).toHaveLength(2);
  });
});

describe('the language', () => {
  it('is voted for once a file, and every shard takes what the first one found', async () => {
    const { volume, engine, run } = await aJob();
    await run({ shard: 0, chunks: { from: 0, to: 1 } });
    expect(engine.detections).toBe(5);
    const other = new FakeEngine({ language: 'fr' });
    const result = await run({ shard: 1, chunks: { from: 1, to: 2 } }, aContext(volume, { engine: other }));
    expect(result).toMatchObject({ language: 'de', languageProbability: 0.9 });
    expect(other.detections).toBe(0);
  });

  it('of two shards at once one decides, and both agree', async () => {
    const { volume, run } = await aJob();
    const results = await Promise.all([
      run(
        { shard: 0, runId: 'a', chunks: { from: 0, to: 1 } },
        aContext(volume, { engine: new FakeEngine({ language: 'de' }) }),
      ),
      run(
        { shard: 1, runId: 'b', chunks: { from: 1, to: 2 } },
        aContext(volume, { engine: new FakeEngine({ language: 'fr' }) }),
      ),
    ]);
    const languages = new Set(results.map((it) => (it.stage === 'transcribe' ? it.language : '')));
    expect(languages.size).toBe(1);
  });

  it('that was asked for is not detected, and is given in BCP-47', async () => {
    const { engine, run } = await aJob();
    expect(await run({ language: 'jv' })).toMatchObject({ language: 'jv', languageProbability: 1 });
    expect(engine.detections).toBe(0);
  });

  it('a damaged document is detected again and replaced', async () => {
    const { volume, engine, run } = await aJob();
    const path = volume.resolve(volume.layout.language(jobId));
    await writeFile(path, '{"schemaVersion":');
    await run();
    expect(engine.detections).toBe(5);
    expect(DetectedLanguage.parse(JSON.parse(await readFile(path, 'utf8'))).language).toBe('de');
  });
});

describe('a part is used again only for what it was made for', () => {
  const changes: [what: string, change: (job: Awaited<ReturnType<typeof aJob>>) => Promise<unknown>][] = [
    ['another prompt', async ({ run }) => run({ prompt: 'Kubernetes' })],
    ['another quality', async ({ run }) => run({ quality: 'best' })],
    ['another task', async ({ run }) => run({ task: 'translate' })],
    ['another language', async ({ run }) => run({ language: 'ru' })],
    [
      'another model file',
      async ({ run, volume, engine, request }) => {
        await unlink(volume.resolve(volume.layout.stepManifest(jobId, 'transcribe', 0)));
        expect(request.model).toBe('base');
        return run({}, aContext(volume, { engine, modelSha256: 'b'.repeat(64) }));
      },
    ],
    [
      'other audio',
      async ({ run, volume }) => {
        await convertedJob(volume, aPlan([3, 2, 3]), 'RIFF other audio');
        return run();
      },
    ],
    [
      'another plan',
      async ({ run, volume }) => {
        const plan = aPlan([3, 2, 3]);
        for (const chunk of plan.chunks) for (const window of chunk.windows) window.endMs -= 1;
        await convertedJob(volume, plan);
        return run();
      },
    ],
  ];
  it.each(changes)('%s: all is decoded anew', async (_what, change) => {
    const job = await aJob();
    await job.run();
    job.engine.decoded.length = 0;
    expect(await change(job)).toMatchObject({ reused: 0 });
    expect(job.engine.decoded).toHaveLength(8);
  });

  it.each<[what: string, damage: (path: string) => Promise<void>]>([
    ['cut short', (path) => truncate(path, 100)],
    ['gone', unlink],
    ['changed', async (path) => writeFile(path, (await readFile(path, 'utf8')).replace('"de', '"xx'))],
  ])('a part that is %s is made again, and only that one', async (what, damage) => {
    const { engine, run, partPath } = await aJob();
    const first = await run();
    const good = await readFile(partPath(1), 'utf8');
    await damage(partPath(1));
    engine.decoded.length = 0;
    const again = await run({ runId: 'run-2' });
    if (what === 'changed') return expect(again).not.toEqual(first);
    expect(again).toMatchObject({ reused: 2 });
    expect(engine.decoded).toEqual([62_500, 82_500]);
    expect(await readFile(partPath(1), 'utf8')).toBe(good);
  });
});

describe('finalize', () => {
  it('inside the run of a single shard writes every format and says what it wrote', async () => {
    const { volume, run } = await aJob();
    const result = await run(withFinalize);
    expect(result).toMatchObject({
      finalize: {
        language: 'de',
        segments: 8,
        outputs: [{ name: 'transcript.json' }, { name: 'transcript.srt' }, { name: 'transcript.vtt' }],
      },
    });
    expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(2048);
    const directory = volume.resolve(volume.layout.outputs(jobId));
    expect((await readdir(directory)).sort()).toEqual([
      'finalize.manifest.json',
      'transcript.json',
      'transcript.srt',
      'transcript.vtt',
    ]);
    const transcript = Transcript.parse(JSON.parse(await readFile(join(directory, 'transcript.json'), 'utf8')));
    expect(transcript).toMatchObject({ language: 'de', languageProbability: 0.9, model: 'base', durationMs: 180_000 });
    expect(transcript.word_segments.length).toBeGreaterThan(300);
    const starts = transcript.word_segments.map((it) => it.start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });

  it('an output that was deleted is written again, without decoding', async () => {
    const { volume, engine, run } = await aJob();
    const first = await run(withFinalize);
    const srt = volume.resolve(volume.layout.output(jobId, 'transcript.srt'));
    const text = await readFile(srt, 'utf8');
    await unlink(srt);
    engine.decoded.length = 0;
    expect(await run({ ...withFinalize, runId: 'run-2' })).toMatchObject({ stage: 'transcribe', reused: 0 });
    expect(engine.decoded).toEqual([]);
    expect(await readFile(srt, 'utf8')).toBe(text);
    expect(first.stage).toBe('transcribe');
  });

  it('a person’s corrections are left alone', async () => {
    const { volume, run } = await aJob();
    await run(withFinalize);
    const edits = volume.resolve(volume.layout.edits(jobId));
    await writeJsonAtomic(edits, { mine: true }, { runId: 'person' });
    await unlink(volume.resolve(volume.layout.stepManifest(jobId, 'finalize')));
    await run({ ...withFinalize, runId: 'run-2' });
    expect(await readFile(edits, 'utf8')).toBe('{"mine":true}\n');
  });
});

describe('what cannot be done is said clearly', () => {
  it('without converted audio: InputNotFound, and what to do', async () => {
    const volume = new Volume(await aTemporaryDirectory());
    const context = aContext(volume, { engine: new FakeEngine() });
    await expect(runStep(aTranscribeRequest(), context)).rejects.toMatchObject({
      failure: { exitCode: 66, message: expect.stringMatching(/Retry the job/) },
    });
  });

  it('with audio that became shorter: InputNotFound, nothing is decoded', async () => {
    const { volume, engine, run } = await aJob();
    await truncate(volume.resolve(volume.layout.audio(jobId)), 3);
    await expect(run()).rejects.toMatchObject({ failure: { exitCode: 66 } });
    expect(engine.decoded).toEqual([]);
  });

  it('chunks that the plan does not have: InvalidArguments', async () => {
    const { run } = await aJob();
    await expect(run({ chunks: { from: 0, to: 4 } })).rejects.toMatchObject({ failure: { exitCode: 64 } });
    await expect(run({ chunks: { from: 2, to: 1 } })).rejects.toMatchObject({ failure: { exitCode: 64 } });
  });

  it('a service that has no engine: Internal', async () => {
    const { run, volume } = await aJob();
    await expect(run({}, aContext(volume))).rejects.toMatchObject({ failure: { exitCode: 70 } });
  });
});
