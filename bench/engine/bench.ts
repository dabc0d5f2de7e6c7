import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ChunkPlan, Quality } from '@mediajob/contract';
import { interleaved, type Run } from '../interleaved.ts';
import { measure, median, sampleTree } from '../measure.ts';
import { makeSpeech } from './speech.ts';

// The engine alone against whisper-cli of the same build, model and audio. whisper-cli decodes the file from beginning to
// end, 30 s at a time; the engine decodes the windows of the plan, as a transcribe stage does. Rounds are interleaved, so
// that a busy neighbour hurts all of them: trust the ratios. Stopped at any point, it prints what it has, and the next
// call goes on from there.
//   npm run bench -- engine [--rounds 3] [--limit 900] [--fresh] [--f16 FILE]
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    /** Seconds for one run: on a busy machine, two threads that wait for each other may never end. */
    limit: { type: 'string', default: '900' },
    fresh: { type: 'boolean', default: false },
    f16: { type: 'string' },
    model: { type: 'string' },
  },
});

const { planChunks, analyzeWav } = await import('../../packages/media/dist/index.js');
const { buildEngine, cacheDir, decodingOptions, modelPath, openEngine, pullModel, wordErrorRate } = await import(
  '../../packages/speech/dist/index.js'
);

const programs = await buildEngine({ tools: true });
const q8 = given.model ?? modelPath(process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models'), 'base');
const f16 = given.f16 ?? (await pullModel(join(cacheDir(), 'bench'), 'base', { quantization: 'f16' })).path;

const directory = mkdtempSync(join(tmpdir(), 'mediajob-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const { wav, text: spoken } = makeSpeech(directory);
const plan: ChunkPlan = planChunks(await analyzeWav(wav, {}), { targetMs: 300_000, windowMs: 30_000 });
const windows = plan.chunks.flatMap((chunk) => chunk.windows);

const wrong = (text: string): number => wordErrorRate(spoken, text).rate;

interface EngineWishes {
  states: number;
  threads: number;
  quality: Quality;
  wordTimes: boolean;
}

async function engine(modelPath: string, wishes: EngineWishes, signal: AbortSignal): Promise<Run> {
  const { states, threads, quality, wordTimes } = wishes;
  const started = process.hrtime.bigint();
  const sampler = sampleTree([process.pid]);
  const before = process.cpuUsage();
  const program = join(programs, 'mediajob-engine');
  const running = await openEngine({ program, modelPath, states, threads, stallMs: Number(given.limit) * 1000 });
  try {
    const options = { ...decodingOptions(quality), wordTimes };
    const results = await Promise.all(
      windows.map(({ startMs, endMs }) =>
        running.decode({ wavPath: wav, startMs, endMs, language: 'en', task: 'transcribe', options }, { signal }),
      ),
    );
    const wallSeconds = Number(process.hrtime.bigint() - started) / 1e9;
    const { cpuSeconds, peakRssMiB } = sampler.stop();
    const tokens = results.flatMap(({ segments }) => segments.flatMap((segment) => segment.tokens));
    return {
      wallSeconds,
      // The sampler began with what this process had used before.
      cpuSeconds: cpuSeconds - (before.user + before.system) / 1e6,
      peakRssMiB: peakRssMiB - Math.round(process.memoryUsage.rss() / 2 ** 20),
      wordErrorRate: wrong(Buffer.concat(tokens.map((token) => token.bytes)).toString()),
    };
  } finally {
    sampler.stop();
    await running.close();
  }
}

async function whisperCli(model: string, threads: number, args: string[], signal: AbortSignal): Promise<Run> {
  const program = join(programs, 'whisper-cli');
  const given = ['-m', model, '-f', wav, '-l', 'en', '-t', `${threads}`, '-np', ...args];
  const { stdout, ...measured } = await measure(program, given, { signal });
  return { ...measured, wordErrorRate: wrong(stdout.replaceAll(/^\[.*?\]/gm, '')) };
}

const GREEDY = ['-bs', '1', '-bo', '1', '-nf'];
const K = Math.max(2, cpus().length);
const one: EngineWishes = { states: 1, threads: K, quality: 'fast', wordTimes: true };
const many: EngineWishes = { ...one, states: K, threads: 1 };
const contestants = new Map<string, (signal: AbortSignal) => Promise<Run>>();
for (const [weights, model] of [
  ['q8_0', q8],
  ['f16', f16],
] as const) {
  contestants.set(`${weights}: whisper-cli 1 × ${K} threads, greedy`, (it) => whisperCli(model, K, GREEDY, it));
  contestants.set(`${weights}: engine 1 × ${K} threads, greedy, words`, (it) => engine(model, one, it));
  contestants.set(`${weights}: engine ${K} × 1 thread, greedy, words`, (it) => engine(model, many, it));
}
contestants.set(`q8_0: engine ${K} × 1 thread, greedy, no words`, (it) =>
  engine(q8, { ...many, wordTimes: false }, it),
);
contestants.set(`q8_0: engine ${K} × 1 thread, balanced, words`, (it) =>
  engine(q8, { ...many, quality: 'balanced' }, it),
);
contestants.set(`q8_0: whisper-cli 1 × ${K} threads, its defaults (beam 5)`, (it) => whisperCli(q8, K, [], it));
contestants.set(`q8_0: engine ${K} × 1 thread, best (beam 5), words`, (it) =>
  engine(q8, { ...many, quality: 'best' }, it),
);

const seconds = plan.durationMs / 1000;
await interleaved({
  contestants,
  rounds: Number(given.rounds),
  limitMs: Number(given.limit) * 1000,
  file: join(cacheDir(), 'bench', 'engine.json'),
  fresh: given.fresh,
  // Figures of another build, machine or plan do not belong beside these.
  about: `${programs} ${cpus()[0]?.model} ${cpus().length} ${plan.durationMs} ${windows.length} ${q8} ${f16}`,
  print(results, loads) {
    const walls = (runs: Run[]): number[] => runs.map((it) => it.wallSeconds);
    const baseOf = (weights: string): number =>
      median(walls(results.get(`${weights}: engine ${K} × 1 thread, greedy, words`)?.runs ?? []));
    console.log(
      `\n${cpus()[0]?.model}, ${cpus().length} CPUs, load ${Math.min(...loads).toFixed(1)} – ${Math.max(...loads).toFixed(1)}; ` +
        `${seconds.toFixed(0)} s of speech, ${windows.length} windows, model base\n`,
    );
    console.log('| what | runs | wall s: median (min – max) | × realtime | CPU s | peak RSS MiB | WER % | ours = 1 |');
    console.log('|---|---|---|---|---|---|---|---|');
    for (const [name, { runs, unfinished }] of results) {
      const count = `${runs.length}${unfinished > 0 ? ` (+ ${unfinished} not ended in ${given.limit} s)` : ''}`;
      if (runs.length === 0) {
        console.log(`| ${name} | ${count} | | | | | | |`);
        continue;
      }
      const wall = walls(runs);
      const middle = median(wall);
      const figures = [
        `${middle.toFixed(1)} (${Math.min(...wall).toFixed(1)} – ${Math.max(...wall).toFixed(1)})`,
        (seconds / middle).toFixed(1),
        median(runs.map((it) => it.cpuSeconds)).toFixed(1),
        median(runs.map((it) => it.peakRssMiB)),
        (median(runs.map((it) => it.wordErrorRate)) * 100).toFixed(1),
        (middle / baseOf(name.split(':')[0] ?? '')).toFixed(2),
      ];
      console.log(`| ${name} | ${count} | ${figures.join(' | ')} |`);
    }
  },
});
