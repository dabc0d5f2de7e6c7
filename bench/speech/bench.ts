import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { interleaved, type Run } from '../interleaved.ts';
import { type Measured, measure, median } from '../measure.ts';
import { type Item, makeCorpus } from './corpus.ts';
import { bringPeer } from './peer.ts';
import { type Heard, type Scores, scoresOf } from './scores.ts';

// From a media file to subtitles with word times, against faster-whisper and whisper-cli with the same weights, each in a
// process of its own that loads its model: time, CPU, memory, word errors, dropped and invented words, word times. Rounds
// are interleaved; stopped at any point, the next call goes on from there.
//   npm run bench:speech [-- --rounds 3] [--items dense,pauses,…] [--only 'a part of a contestant’s name'] [--fresh]
const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    limit: { type: 'string', default: '900' },
    items: { type: 'string', default: 'dense,pauses,russian,nothing,timed' },
    only: { type: 'string', default: '' },
    fresh: { type: 'boolean', default: false },
  },
});

const { buildEngine, cacheDir, enginePath, modelPath } = await import('../../packages/speech/dist/index.js');

const threads = String(cpus().length);
const peer = bringPeer(join(cacheDir(), 'bench'));
const tools = await buildEngine({ tools: true });
const model = modelPath(process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models'), 'base');
const directory = mkdtempSync(join(tmpdir(), 'mediajob-bench-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const wanted = given.items.split(',');
const items = makeCorpus(directory).filter((it) => wanted.includes(it.name));

type Contestant = (item: Item, signal: AbortSignal) => Promise<Measured & { heard: Heard }>;

const ours =
  (engine: string, quality: string): Contestant =>
  async ({ file, language }, signal) => {
    const script = join(import.meta.dirname, 'ours.ts');
    const args = ['--language', language, '--engine', engine, '--quality', quality];
    const measured = await measure(process.execPath, [script, file, ...args], { signal });
    return { ...measured, heard: JSON.parse(measured.stdout) as Heard };
  };
const fasterWhisper =
  (mode: 'batched' | 'sequential', beams: number): Contestant =>
  async ({ file, language }, signal) => {
    const script = join(import.meta.dirname, 'peer.py');
    const args = [script, peer.model, file, language, mode, String(beams), threads];
    const measured = await measure(peer.python, args, { signal });
    return { ...measured, heard: JSON.parse(measured.stdout) as Heard };
  };
const whisperCli: Contestant = async ({ file, language }, signal) => {
  const args = ['-m', model, '-f', file, '-l', language, '-t', threads, '-np'];
  const measured = await measure(join(tools, 'whisper-cli'), args, { signal });
  return { ...measured, heard: { text: measured.stdout.replaceAll(/^\[.*?\]/gm, ''), words: [] } };
};

const contestants = new Map<string, Contestant>(
  (
    [
      ['MediaJob, CTranslate2, fast', ours('ctranslate2', 'fast')],
      ['MediaJob, CTranslate2, balanced', ours('ctranslate2', 'balanced')],
      ['MediaJob, CTranslate2, best', ours('ctranslate2', 'best')],
      ['MediaJob, whisper.cpp, balanced', ours('whispercpp', 'balanced')],
      ['faster-whisper int8, batched, beam 5', fasterWhisper('batched', 5)],
      ['faster-whisper int8, batched, greedy', fasterWhisper('batched', 1)],
      ['faster-whisper int8, sequential, beam 5', fasterWhisper('sequential', 5)],
      ['whisper-cli, its defaults', whisperCli],
    ] as [string, Contestant][]
  ).filter(([name]) => name.includes(given.only)),
);
/** Ratios are to this one. */
const ANCHOR = 'faster-whisper int8, batched, beam 5';

const both = (item: Item, name: string): string => `${item.name}: ${name}`;
type Scored = Run & Scores;

await interleaved<Scored>({
  contestants: new Map(
    items.flatMap((item) =>
      [...contestants].map(([name, run]): [string, (signal: AbortSignal) => Promise<Scored>] => [
        both(item, name),
        async (signal) => {
          const { heard, wallSeconds, cpuSeconds, peakRssMiB } = await run(item, signal);
          return { wallSeconds, cpuSeconds, peakRssMiB, ...scoresOf(item, heard) };
        },
      ]),
    ),
  ),
  rounds: Number(given.rounds),
  limitMs: Number(given.limit) * 1000,
  file: join(cacheDir(), 'bench', 'speech.json'),
  fresh: given.fresh,
  // Figures of another build, machine or corpus do not belong beside these.
  about: [
    ...[enginePath(), enginePath({ kind: 'ctranslate2' }), peer.versions, cpus()[0]?.model, cpus().length, model],
    ...items.map((it) => `${it.name} ${it.seconds} ${it.text.length}`),
  ].join(' '),
  print(results, loads) {
    console.log(
      `\n${cpus()[0]?.model}, ${cpus().length} CPUs, load ${Math.min(...loads).toFixed(1)} – ${Math.max(...loads).toFixed(1)}; ` +
        `model base; Node ${process.versions.node}; ${peer.versions}`,
    );
    for (const item of items) printItem(item, (name) => results.get(both(item, name))?.runs ?? []);
  },
});

function printItem(item: Item, runsOf: (name: string) => Scored[]): void {
  const quiet = item.text === '';
  const columns = ['runs', 'wall s: median (min – max)', '× realtime', 'theirs to ours', 'CPU s', 'peak RSS MiB'];
  columns.push(...(quiet ? ['words invented'] : ['WER %', 'words dropped']));
  if (item.words) columns.push('start, ms: median / p90', 'end', 'empty or overlapping');
  console.log(`\n**${item.name}**: ${item.seconds.toFixed(0)} s, ${item.about}\n`);
  console.log(`| | ${columns.join(' | ')} |\n|---|${columns.map(() => '---|').join('')}`);
  const anchor = runsOf(ANCHOR).map((it) => it.wallSeconds);
  for (const name of contestants.keys()) {
    const runs = runsOf(name);
    if (runs.length === 0) continue;
    const of = (value: (run: Scored) => number): number => median(runs.map(value));
    const walls = runs.map((it) => it.wallSeconds);
    const wall = median(walls);
    const cells: (string | number)[] = [
      runs.length,
      `${wall.toFixed(1)} (${Math.min(...walls).toFixed(1)} – ${Math.max(...walls).toFixed(1)})`,
      (item.seconds / wall).toFixed(1),
      anchor.length > 0 ? (median(anchor) / wall).toFixed(2) : '',
      of((it) => it.cpuSeconds).toFixed(1),
      of((it) => it.peakRssMiB),
    ];
    if (quiet) cells.push(of((it) => it.wordErrorRate));
    else
      cells.push(
        (of((it) => it.wordErrorRate) * 100).toFixed(2),
        of((it) => it.dropped),
      );
    if (item.words) {
      const times = (which: 'starts' | 'ends'): string => {
        const middle = of((it) => it[which]?.[0] ?? Number.NaN);
        const late = of((it) => it[which]?.[1] ?? Number.NaN);
        return Number.isNaN(middle) || (middle === 0 && late === 0) ? '–' : `${middle.toFixed(0)} / ${late.toFixed(0)}`;
      };
      cells.push(
        times('starts'),
        times('ends'),
        of((it) => it.unusable),
      );
    }
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}
