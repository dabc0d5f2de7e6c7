import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkPlan } from '@mediajob/contract';
import { MODELS_DIR } from '../../scripts/setup/setup.ts';
import { System } from '../../test/system/services.ts';
import { loopedSpeech } from '../../test/system/speech.ts';
import { measure, median } from '../measure.ts';

// The whole path (upload over HTTP, convert, transcribe, finalize) against the bare engine on the same windows, and
// against whisper-cli with its defaults. Rounds are interleaved, so that a busy neighbour hurts all of them.
const ROUNDS = Number(process.argv[2] ?? 3);
const TIMES = Number(process.argv[3] ?? 24);

const { planChunks, analyzeWav } = await import('../../packages/media/dist/index.js');
const { buildEngine, decodingOptions, enginePath, modelPath, openEngine, cpuBudget } = await import(
  '../../packages/speech/dist/index.js'
);

const directory = mkdtempSync(join(tmpdir(), 'mediajob-bench-'));
const flac = join(directory, 'speech.flac');
const wav = join(directory, 'speech.wav');
loopedSpeech(flac, TIMES);
execFileSync('ffmpeg', [
  '-nostdin',
  '-v',
  'error',
  '-y',
  '-i',
  flac,
  '-ac',
  '1',
  '-ar',
  '16000',
  '-c:a',
  'pcm_s16le',
  wav,
]);
const plan: ChunkPlan = planChunks(await analyzeWav(wav, {}), { targetMs: 300_000, windowMs: 30_000 });
const audioSeconds = plan.durationMs / 1000;
const tools = await buildEngine({ tools: true });
const states = Math.max(1, Math.floor(cpuBudget().cpus));
const model = modelPath(MODELS_DIR, 'base');

async function engineAlone(): Promise<number> {
  const started = performance.now();
  const engine = await openEngine({ program: enginePath(), modelPath: model, states, threads: 1, stallMs: 300_000 });
  const options = decodingOptions('balanced');
  await Promise.all(
    plan.chunks
      .flatMap((chunk) => chunk.windows)
      .map(({ startMs, endMs }) =>
        engine.decode({ wavPath: wav, startMs, endMs, language: 'en', task: 'transcribe', options }),
      ),
  );
  await engine.close();
  return (performance.now() - started) / 1000;
}

async function wholePath(): Promise<number> {
  const system = await System.start();
  try {
    const started = performance.now();
    const job = await system.untilJob((await system.submit(flac)).metadata.uid);
    if (job.status.phase !== 'Succeeded') throw new Error(job.status.message);
    return (performance.now() - started) / 1000;
  } finally {
    await system.stop();
  }
}

async function whisperCli(args: string[]): Promise<number> {
  const { wallSeconds } = await measure(join(tools, 'whisper-cli'), [
    '-m',
    model,
    '-f',
    wav,
    '-l',
    'en',
    '-t',
    String(states),
    '-np',
    ...args,
  ]);
  return wallSeconds;
}

const contestants: [string, () => Promise<number>][] = [
  ['engine alone', engineAlone],
  ['whole path', wholePath],
  ['whisper-cli greedy', () => whisperCli(['-bs', '1', '-bo', '1'])],
  ['whisper-cli defaults', () => whisperCli([])],
];
const seconds = new Map<string, number[]>(contestants.map(([name]) => [name, []]));
try {
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, run] of contestants) seconds.get(name)?.push(await run());
} finally {
  rmSync(directory, { recursive: true, force: true });
}

const base = median(seconds.get('engine alone') as number[]);
console.log(
  `${cpus()[0]?.model}, ${cpus().length} CPUs; ${audioSeconds.toFixed(0)} s of speech with pauses, model base, ${states} states, ${ROUNDS} rounds\n`,
);
console.log('| what | seconds: median (min – max) | × realtime | engine alone = 1 |\n|---|---|---|---|');
for (const [name, values] of seconds) {
  const middle = median(values);
  console.log(
    `| ${name} | ${middle.toFixed(1)} (${Math.min(...values).toFixed(1)} – ${Math.max(...values).toFixed(1)}) | ${(audioSeconds / middle).toFixed(1)} | ${(middle / base).toFixed(2)} |`,
  );
}
