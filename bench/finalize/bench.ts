import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Chunk, ChunkPlan, FinalizeRequest, Part, Segment } from '@mediajob/contract';
import { measure } from '../measure.ts';

// Memory and time of the finalize step by the length of the recording: parts as transcribe leaves them, 160 words a
// minute, all text formats.
//   npm run bench -- finalize [HOURS …]
const { Volume, sha256OfJson, volumeFileOf, writeJsonAtomic, writeManifest } = await import(
  '../../packages/storage/dist/index.js'
);
const { runStep } = await import('../../packages/steps/dist/index.js');
const JOB = '0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10';
const CHUNK_MS = 300_000;
const WORD_MS = 375;
const WORDS = 'ask not what your country can do for you, ask what you can do for your country.'.split(' ');

function aSegment(startMs: number): Segment {
  const words = WORDS.map((text, i) => ({
    text,
    startMs: startMs + i * WORD_MS,
    endMs: startMs + i * WORD_MS + 300,
    probability: 0.9123456,
  }));
  return {
    ...{ startMs, endMs: words.at(-1)?.endMs ?? startMs, text: WORDS.join(' '), words },
    ...{
      avgLogprob: -0.2345678,
      noSpeechProbability: 0.0123456,
      compressionRatio: 1.234567,
      temperature: 0,
      doubts: [],
    },
  };
}

/** Leaves on a volume what convert and transcribe leave of so many hours. */
async function makeJob(root: string, hours: number): Promise<void> {
  const volume = new Volume(root);
  const { layout } = volume;
  const chunks = Array.from({ length: (hours * 3_600_000) / CHUNK_MS }, (_, index): Chunk => {
    const startMs = index * CHUNK_MS;
    return { index, startMs, endMs: startMs + CHUNK_MS, windows: [{ startMs, endMs: startMs + 30_000 }] };
  });
  const plan: ChunkPlan = {
    ...{ schemaVersion: 1, durationMs: hours * 3_600_000, speechMs: hours * 3_600_000, chunks },
    parameters: { targetMs: CHUNK_MS, windowMs: 30_000 },
  };
  mkdirSync(volume.resolve(layout.parts(JOB)), { recursive: true });
  for (const { index, startMs, endMs } of chunks) {
    const part: Part = {
      ...{ schemaVersion: 1, chunk: index, startMs, endMs, keySha256: 'a'.repeat(64), language: 'en' },
      segments: Array.from({ length: 45 }, (_, n) => aSegment(startMs + n * 6600)),
      engine: { name: 'none', version: '', model: 'base' },
    };
    writeFileSync(volume.resolve(layout.part(JOB, index)), `${JSON.stringify(part)}\n`);
  }
  writeFileSync(volume.resolve(layout.audio(JOB)), 'RIFF');
  await writeJsonAtomic(volume.resolve(layout.plan(JOB)), plan, { runId: 'bench' });
  await writeManifest(volume, layout.stepManifest(JOB, 'convert'), {
    ...{ schemaVersion: 1, jobId: JOB, stage: 'convert', shard: 0, runId: 'bench', tools: {}, result: null },
    ...{ inputSha256: sha256OfJson('source'), parametersSha256: sha256OfJson('parameters') },
    files: [await volumeFileOf(volume, layout.audio(JOB)), await volumeFileOf(volume, layout.plan(JOB))],
    finishedAt: '2026-01-01T00:00:00.000Z',
  });
}

async function finalize(root: string): Promise<void> {
  const request: FinalizeRequest = {
    ...{ stage: 'finalize', jobId: JOB, runId: 'bench', model: 'base', language: 'en' },
    ...{ task: 'transcribe', quality: 'balanced' },
    options: { formats: ['json', 'txt', 'srt', 'vtt', 'tsv', 'lrc'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
  };
  const quiet = () => undefined;
  await runStep(request, {
    volume: new Volume(root),
    signal: new AbortController().signal,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    progress: quiet,
    reserveBytes: 0,
    now: () => new Date(),
  });
}

const [mode, directory] = process.argv.slice(2);
if (mode === '--only' && directory !== undefined) {
  await finalize(directory);
} else {
  const hours = process.argv.slice(2).map(Number);
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} CPUs\n\n| hours | seconds | CPU s | peak RSS MiB |\n|---|---|---|---|`,
  );
  for (const length of hours.length > 0 ? hours : [0, 1, 6, 24]) {
    const root = mkdtempSync(join(tmpdir(), 'mediajob-finalize-'));
    try {
      await makeJob(root, length);
      const { wallSeconds, cpuSeconds, peakRssMiB } = await measure(process.execPath, [
        import.meta.filename,
        '--only',
        root,
      ]);
      console.log(`| ${length} | ${wallSeconds.toFixed(1)} | ${cpuSeconds.toFixed(1)} | ${peakRssMiB} |`);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
}
