import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ChunkPlan } from '@mediajob/contract';
import { MODELS_DIR } from '../../scripts/setup/setup.ts';
import { System } from '../../test/system/services.ts';
import { loopedSpeech } from '../../test/system/speech.ts';
import { measure, median } from '../measure.ts';
import { PARTS, runJob } from './job.ts';

// The whole path (upload over HTTP, convert, transcribe, finalize) against the bare engine on the same windows, both with
// the model in memory and without, and against whisper-cli. Rounds are interleaved, so that a busy neighbour hurts all.
//   npm run bench -- path [ROUNDS] [PIECES of 13 s] [--only 'model loaded']
const { values: given, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } });
const ROUNDS = Number(positionals[0] ?? 3);
const TIMES = Number(positionals[1] ?? 24);

const { planChunks, analyzeWav } = await import('../../packages/media/dist/index.js');
const { buildEngine, decodingOptions, enginePath, modelPath, openEngine, cpuBudget } = await import(
  '../../packages/speech/dist/index.js'
);

const directory = mkdtempSync(join(tmpdir(), 'mediajob-bench-'));
const flac = join(directory, 'speech.flac');
const wav = join(directory, 'speech.wav');
loopedSpeech(flac, TIMES);
execFileSync('ffmpeg', [
  ...['-nostdin', '-v', 'error', '-y', '-i', flac],
  ...['-ac', '1', '-ar', '16000', '-c:a', 'pcm_s16le', wav],
]);
const plan: ChunkPlan = planChunks(await analyzeWav(wav, {}), { targetMs: 300_000, windowMs: 30_000 });
const audioSeconds = plan.durationMs / 1000;
const tools = await buildEngine({ tools: true });
const states = Math.max(1, Math.floor(cpuBudget().cpus));
const model = modelPath(MODELS_DIR, 'base');

type Engine = Awaited<ReturnType<typeof openEngine>>;
const open = (): Promise<Engine> =>
  openEngine({ program: enginePath(), modelPath: model, states, threads: 1, stallMs: 300_000 });

async function decodeAll(engine: Engine): Promise<void> {
  const options = decodingOptions('balanced');
  await Promise.all(
    plan.chunks
      .flatMap((chunk) => chunk.windows)
      .map(({ startMs, endMs }) =>
        engine.decode({ wavPath: wav, startMs, endMs, language: 'en', task: 'transcribe', options }),
      ),
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

const parts = new Map<string, number[]>(PARTS.map((part) => [part, []]));
async function warmJob(system: System): Promise<void> {
  const took = await runJob(system, flac);
  for (const part of PARTS) parts.get(part)?.push(took[part]);
}

async function coldJob(): Promise<number> {
  const system = await System.start();
  try {
    return await timed(() => runJob(system, flac));
  } finally {
    await system.stop();
  }
}

const whisperCli = (args: string[]) => () =>
  measure(join(tools, 'whisper-cli'), [
    ...['-m', model, '-f', wav, '-l', 'en', '-t', String(states), '-np', ...args],
  ]).then(({ wallSeconds }) => wallSeconds);

const system = await System.start();
const engine = await open();
await runJob(system, flac);
const all: [string, () => Promise<number>][] = [
  ['engine, model loaded', () => timed(() => decodeAll(engine))],
  ['whole path, model loaded', () => timed(() => warmJob(system))],
  ['engine, from its start', () => timed(async () => decodeAll(await open().then(closing)))],
  ['whole path, first job of the services', coldJob],
  ['whisper-cli greedy', whisperCli(['-bs', '1', '-bo', '1'])],
  ['whisper-cli defaults', whisperCli([])],
];
const contestants = all.filter(([name]) => name.includes(given.only ?? ''));
const opened: Engine[] = [engine];
function closing(it: Engine): Engine {
  opened.push(it);
  return it;
}

const seconds = new Map<string, number[]>(contestants.map(([name]) => [name, []]));
try {
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, run] of contestants) {
      const took = await run();
      seconds.get(name)?.push(took);
      console.error(`round ${round + 1}: ${name}: ${took.toFixed(2)} s, load ${loadavg()[0]?.toFixed(1)}`);
    }
} finally {
  await Promise.all(opened.map((it) => it.close()));
  await system.stop();
  rmSync(directory, { recursive: true, force: true });
}

const [load] = loadavg();
console.log(
  `${cpus()[0]?.model}, ${cpus().length} CPUs, load ${load?.toFixed(1)}; ${audioSeconds.toFixed(0)} s of speech with pauses, model base, ${states} states, ${ROUNDS} rounds\n`,
);
const base = median(seconds.get(contestants[0]?.[0] ?? '') ?? [0]);
console.log('| what | seconds: median (min – max) | × realtime | first line = 1 |\n|---|---|---|---|');
for (const [name, values] of seconds) {
  const middle = median(values);
  console.log(
    `| ${name} | ${middle.toFixed(2)} (${Math.min(...values).toFixed(2)} – ${Math.max(...values).toFixed(2)}) | ${(audioSeconds / middle).toFixed(1)} | ${(middle / base).toFixed(2)} |`,
  );
}
console.log('\n| part of the whole path, model loaded | ms: median (min – max) |\n|---|---|');
for (const [part, values] of parts) {
  if (values.length === 0) continue;
  const ms = (value: number): string => (value * 1000).toFixed(0);
  console.log(`| ${part} | ${ms(median(values))} (${ms(Math.min(...values))} – ${ms(Math.max(...values))}) |`);
}
