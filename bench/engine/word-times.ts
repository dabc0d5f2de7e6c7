import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../measure.ts';
import { pairsOf, type Timed } from './pairs.ts';
import { PARAGRAPHS } from './speech.ts';

// How far the engines' word times are from espeak-ng's own, for each voice, model and engine that is installed:
//   node bench/engine/word-times.ts [MODEL FILE …]        (needs python3 and libespeak-ng)
const { cacheDir, decodingOptions, enginePath, modelPath, openEngine, wordsOfTokens } = await import(
  '../../packages/speech/dist/index.js'
);

const VOICES = ['en-us', 'en-gb', 'en-gb-scotland'];
const LONGEST_MS = 29_000;
const models = process.argv.slice(2);
if (models.length === 0) models.push(modelPath(process.env.MEDIAJOB_MODELS_DIR ?? join(cacheDir(), 'models'), 'base'));

/** Windows that end in the pauses between paragraphs. */
function windowsOf(words: Timed[]): { startMs: number; endMs: number }[] {
  const pauses = words.flatMap((it, i) => {
    const next = words[i + 1];
    return !next || next.startMs - it.endMs > 500 ? [next ? (it.endMs + next.startMs) / 2 : it.endMs + 250] : [];
  });
  const windows: { startMs: number; endMs: number }[] = [];
  for (const end of pauses) {
    const last = windows.at(-1);
    if (last && end - last.startMs <= LONGEST_MS) last.endMs = Math.round(end);
    else windows.push({ startMs: last?.endMs ?? 0, endMs: Math.round(end) });
  }
  return windows;
}

function summary(differences: number[]): string {
  const sizes = differences.map(Math.abs).sort((a, b) => a - b);
  const within = (ms: number): string =>
    `${Math.round((sizes.filter((it) => it <= ms).length / sizes.length) * 100)} %`;
  const p90 = sizes[Math.floor(sizes.length * 0.9)] ?? 0;
  return `${median(sizes).toFixed(0)} / ${p90.toFixed(0)}, ${within(100)}, ${median(differences).toFixed(0)}`;
}

/** Words that a karaoke line could not show: of no length, or begun before the one before them has ended. */
const unusable = (words: Timed[]): number =>
  words.filter((it, i) => it.endMs <= it.startMs || it.startMs < (words[i - 1]?.endMs ?? 0)).length;

const engines = (['whispercpp', 'ctranslate2'] as const)
  .map((kind) => enginePath({ kind }))
  .filter((program) => existsSync(program));

const directory = mkdtempSync(join(tmpdir(), 'mediajob-words-'));
console.log(
  '| engine | model | voice | words | start: median / p90 ms, within 100 ms, bias | end | empty or overlapping |\n|---|---|---|---|---|---|---|',
);
try {
  for (const model of models)
    for (const voice of VOICES) {
      const [raw, wav, json] = ['raw.wav', 'speech.wav', 'words.json'].map((it) => join(directory, it)) as [
        string,
        string,
        string,
      ];
      execFileSync('python3', [join(import.meta.dirname, 'espeak_words.py'), voice, raw, json], {
        input: PARAGRAPHS.join('\n'),
      });
      execFileSync('ffmpeg', [
        '-nostdin',
        '-v',
        'error',
        '-y',
        '-i',
        raw,
        '-ar',
        '16000',
        '-ac',
        '1',
        '-c:a',
        'pcm_s16le',
        wav,
      ]);
      const known: Timed[] = JSON.parse(readFileSync(json, 'utf8'));
      for (const program of engines) {
        const engine = await openEngine({
          program,
          modelPath: model,
          states: 2,
          threads: 1,
          stallMs: 300_000,
        });
        const decoded = await Promise.all(
          windowsOf(known).map(async (window) => {
            const { segments } = await engine.decode({
              ...{ wavPath: wav, ...window, language: 'en', task: 'transcribe' },
              options: decodingOptions('balanced'),
            });
            return segments.flatMap((it) => wordsOfTokens(it.tokens, 'en', window));
          }),
        );
        await engine.close();
        const heard = decoded.flat().map(({ text, startMs, endMs }) => ({ word: text, startMs, endMs }));
        const pairs = pairsOf(known, heard);
        const [starts, ends] = [
          pairs.map(([wanted, got]) => got.startMs - wanted.startMs),
          pairs.map(([wanted, got]) => got.endMs - wanted.endMs),
        ];
        console.log(
          `| ${engine.info.name} | ${model.split('/').at(-1)} | ${voice} | ${pairs.length} of ${known.length} | ${summary(starts)} | ${summary(ends)} | ${unusable(heard)} |`,
        );
      }
    }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
