import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ChunkPlan, Quality } from '@mediajob/contract';
import { measure, median, sampleTree } from '../measure.ts';
import { makeSpeech } from './speech.ts';

// The engine alone against whisper-cli of the same build, model and audio. whisper-cli decodes the file from beginning to
// end, 30 s at a time; the engine decodes the windows of the plan, as a transcribe stage does. Rounds are interleaved, so
// that a busy neighbour hurts all of them: trust the ratios.
//   npm run bench -- engine [--rounds 3] [--f16 FILE]
const { values: given } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, f16: { type: 'string' }, model: { type: 'string' } },
});

const { planChunks, analyzeWav } = await import('../../packages/media/dist/index.js');
const { buildEngine, cacheDir, decodingOptions, modelPath, openEngine, pullModel, wordErrorRate } = await import(
  '../../packages/speech/dist/index.js'
);

interface Run {
  wallSeconds: number;
  cpuSeconds: number;
  peakRssMiB: number;
  text: string;
}

const directory = mkdtempSync(join(tmpdir(), 'mediajob-bench-'));
const programs = await buildEngine({ tools: true });
const { wav, text: spoken } = makeSpeech(directory);
const plan: ChunkPlan = planChunks(await analyzeWav(wav, {}), { targetMs: 300_000, windowMs: 30_000 });
const windows = plan.chunks.flatMap((chunk) => chunk.windows);

async function engine(
  modelFile: string,
  states: number,
  threads: number,
  quality: Quality,
  wordTimes: boolean,
): Promise<Run> {
  const started = process.hrtime.bigint();
  const sampler = sampleTree([process.pid]);
  const before = process.cpuUsage();
  const program = join(programs, 'mediajob-engine');
  const running = await openEngine({ program, modelPath: modelFile, states, threads, stallMs: 300_000 });
  const options = { ...decodingOptions(quality), wordTimes };
  const results = await Promise.all(
    windows.map(({ startMs, endMs }) =>
      running.decode({ wavPath: wav, startMs, endMs, language: 'en', task: 'transcribe', options }),
    ),
  );
  const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
  const { cpuSeconds, peakRssMiB } = sampler.stop();
  await running.close();
  const tokens = results.flatMap(({ segments }) => segments.flatMap((segment) => segment.tokens));
  // The sampler began with what this process had used before.
  const own = (before.user + before.system) / 1e6;
  return {
    wallSeconds,
    cpuSeconds: cpuSeconds - own,
    peakRssMiB: peakRssMiB - Math.round(process.memoryUsage.rss() / 2 ** 20),
    text: Buffer.concat(tokens.map((token) => token.bytes)).toString(),
  };
}

async function whisperCli(modelFile: string, threads: number, ...args: string[]): Promise<Run> {
  const result = await measure(join(programs, 'whisper-cli'), [
    ...['-m', modelFile, '-f', wav, '-l', 'en', '-t', `${threads}`, '-np', ...args],
  ]);
  return { ...result, text: result.stdout.replaceAll(/^\[.*?\]/gm, '') };
}

const q8 = given.model ?? modelPath(process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models'), 'base');
const f16 = given.f16 ?? (await pullModel(join(cacheDir(), 'bench'), 'base', { quantization: 'f16' })).path;
const GREEDY = ['-bs', '1', '-bo', '1', '-nf'];
const contestants: [string, () => Promise<Run>][] = [
  ['whisper-cli 1 × 2 threads, q8_0, greedy', () => whisperCli(q8, 2, ...GREEDY)],
  ['engine 1 × 2 threads, q8_0, greedy, words', () => engine(q8, 1, 2, 'fast', true)],
  ['engine 2 × 1 thread, q8_0, greedy, words', () => engine(q8, 2, 1, 'fast', true)],
  ['engine 2 × 1 thread, q8_0, greedy, no words', () => engine(q8, 2, 1, 'fast', false)],
  ['engine 2 × 1 thread, q8_0, balanced, words', () => engine(q8, 2, 1, 'balanced', true)],
  ['whisper-cli 1 × 2 threads, q8_0, its defaults (beam 5)', () => whisperCli(q8, 2)],
  ['engine 2 × 1 thread, q8_0, best (beam 5), words', () => engine(q8, 2, 1, 'best', true)],
  ['whisper-cli 1 × 2 threads, f16, greedy', () => whisperCli(f16, 2, ...GREEDY)],
  ['engine 2 × 1 thread, f16, greedy, words', () => engine(f16, 2, 1, 'fast', true)],
];

const runs = new Map<string, Run[]>(contestants.map(([name]) => [name, []]));
try {
  for (let round = 1; round <= Number(given.rounds); round += 1)
    for (const [name, run] of contestants) {
      const it = await run();
      runs.get(name)?.push(it);
      console.error(`round ${round}: ${name}: ${it.wallSeconds.toFixed(1)} s, CPU ${it.cpuSeconds.toFixed(1)} s`);
    }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const seconds = plan.durationMs / 1000;
const first = median((runs.get(contestants[0]?.[0] ?? '') ?? []).map((it) => it.wallSeconds));
console.log(
  `${cpus()[0]?.model}, ${cpus().length} CPUs; ${seconds.toFixed(0)} s of speech, ${windows.length} windows, ${given.rounds} rounds`,
);
console.log(
  '\n| what | wall s: median (min – max) | × realtime | CPU s | peak RSS MiB | WER % | wall, first line = 1 |',
);
console.log('|---|---|---|---|---|---|---|');
for (const [name, of] of runs) {
  const wall = of.map((it) => it.wallSeconds);
  const { rate } = wordErrorRate(spoken, of[0]?.text ?? '');
  console.log(
    `| ${name} | ${median(wall).toFixed(1)} (${Math.min(...wall).toFixed(1)} – ${Math.max(...wall).toFixed(1)}) | ${(seconds / median(wall)).toFixed(1)} | ${median(
      of.map((it) => it.cpuSeconds),
    ).toFixed(
      1,
    )} | ${median(of.map((it) => it.peakRssMiB))} | ${(rate * 100).toFixed(1)} | ${(median(wall) / first).toFixed(2)} |`,
  );
}
