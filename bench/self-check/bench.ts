import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChunkPlan, Detector, Segment, Window } from '@mediajob/contract';
import type { Engine, EngineKind, Review } from '../../packages/speech/dist/index.js';
import { SOUNDS } from '../../packages/steps/test/fixtures/sounds.ts';
import { type KnownSpeech, makeSpeech, PARAGRAPHS } from '../engine/speech.ts';

// What is invented where nobody speaks, and what is left out where somebody does: by loudness and the engine alone, as it
// was, and with the speech map of the network and the checks of every window. Both engines, quality balanced, model base.
//   npm run bench -- self-check [--engine whispercpp|ctranslate2]
const wanted = process.argv[process.argv.indexOf('--engine') + 1];

const { analyzeWav, planChunks } = await import('../../packages/media/dist/index.js');
const speech = await import('../../packages/speech/dist/index.js');
const { hearWindow } = await import('../../packages/steps/dist/hear-window.js');

interface Outcome {
  segments: readonly Segment[];
  omissions: number;
  marked: number;
  decodings: number;
  cpuMs: number;
}

const directory = mkdtempSync(join(tmpdir(), 'self-check-'));
try {
  const talk = makeSpeech(directory);
  const mixed = speechBetweenSounds();
  const noisy = speechInNoise(talk);
  for (const kind of ['whispercpp', 'ctranslate2'] as const) {
    if (wanted !== undefined && process.argv.includes('--engine') && wanted !== kind) continue;
    await compare(kind, [talk, mixed, noisy]);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function compare(kind: EngineKind, files: readonly KnownSpeech[]): Promise<void> {
  const program = speech.enginePath({ kind });
  if (!existsSync(program)) {
    console.log(`${kind}: not installed (${program})`);
    return;
  }
  const modelsDir = process.env.MEDIAJOB_MODELS_DIR ?? join(speech.cacheDir(), 'models');
  const engine = await speech.openEngine({
    ...{ program, modelPath: speech.modelPath(modelsDir, 'base') },
    ...{ states: 2, threads: 1, stallMs: 900_000 },
  });
  for (const checked of [false, true]) {
    console.log(`\n${kind}, ${checked ? 'with speech map and checks' : 'loudness and engine alone'}`);
    let invented = 0;
    let decodings = 0;
    const texts: string[] = [];
    for (const [name, source] of Object.entries(SOUNDS)) {
      const wav = join(directory, `${name.replaceAll(' ', '-')}.wav`);
      if (!existsSync(wav)) ffmpeg('-f', 'lavfi', '-i', source, '-ar', '16000', '-ac', '1', '-c:a', 'pcm_s16le', wav);
      // As a part of a window, too: between two sentences a sound is decoded whatever the map says.
      for (const whole of [false, true]) {
        const heard = await hear(engine, wav, checked, whole ? [{ startMs: 0, endMs: 15_000 }] : undefined);
        const words = heard.segments.flatMap((it) => it.words);
        invented += words.length;
        decodings += heard.decodings;
        if (words.length > 0) texts.push(`${name}${whole ? ' (as a whole)' : ''}: ${textOf(heard).slice(0, 60)}`);
      }
    }
    console.log(`  sounds: ${invented} words invented, ${decodings} decodings`);
    for (const text of texts) console.log(`    ${text}`);
    for (const [i, { wav, text }] of files.entries()) {
      const heard = await hear(engine, wav, checked);
      const { rate } = speech.wordErrorRate(text, textOf(heard));
      const name = ['speech with pauses', 'speech between sounds', 'speech in noise'][i];
      console.log(
        `  ${name}: WER ${(100 * rate).toFixed(1)} %, ${heard.omissions} omissions, ${heard.marked} segments marked, ` +
          `${heard.decodings} decodings, map ${Math.round(heard.cpuMs)} ms of CPU`,
      );
    }
  }
  await engine.close();
}

async function hear(engine: Engine, wavPath: string, checked: boolean, given?: Window[]): Promise<Outcome> {
  const detector: Detector = checked ? 'silero' : 'energy';
  const before = process.cpuUsage();
  const plan: ChunkPlan = planChunks(await analyzeWav(wavPath, { detector }), { targetMs: 300_000, windowMs: 30_000 });
  const used = process.cpuUsage(before);
  const spoken = plan.chunks.flatMap((it) => it.speech ?? []);
  const windows = given ?? plan.chunks.flatMap((it) => it.windows);
  const reviews: Review[] = [];
  let decodings = 0;
  for (const window of windows) {
    const request = { wavPath, language: 'en', task: 'transcribe' } as const;
    const evidence = { window, speech: speech.clipped(spoken, window), tellsSpeech: checked, language: 'en' };
    if (checked) {
      const { review, attempts } = await hearWindow(engine, window, {
        ...{ request, evidence, quality: 'balanced' },
        ...{ fallback: async () => undefined, signal: new AbortController().signal },
      });
      reviews.push(review);
      decodings += attempts;
    } else {
      const options = speech.decodingOptions('balanced');
      const { segments } = await engine.decode({ ...request, ...window, options });
      const words = speech.segmentsOf(segments, 'en', window);
      reviews.push({ ...speech.reviewWindow(words, { ...evidence, tellsSpeech: true }), segments: words });
      decodings += 1;
    }
  }
  const segments = reviews.flatMap((it) => it.segments);
  return {
    segments,
    omissions: reviews.flatMap((it) => it.omissions).length,
    marked: segments.filter((it) => it.doubts.length > 0).length,
    decodings,
    cpuMs: (used.user + used.system) / 1000,
  };
}

function textOf({ segments }: Outcome): string {
  return segments.map((it) => it.text).join(' ');
}

/** A paragraph, 8 s of a sound, the next paragraph, and so on. */
function speechBetweenSounds(): KnownSpeech {
  const inputs: string[] = [];
  const sources = Object.values(SOUNDS);
  PARAGRAPHS.forEach((text, i) => {
    const file = join(directory, `paragraph-${i}.wav`);
    execFileSync('espeak-ng', ['-v', i % 2 ? 'en-us' : 'en-gb', '-s', '150', '-w', file, text]);
    inputs.push('-i', file, '-f', 'lavfi', '-t', '8', '-i', sources[i % sources.length] as string);
  });
  const pieces = PARAGRAPHS.length * 2;
  const same = Array.from({ length: pieces }, (_, i) => `[${i}:a]aresample=16000,aformat=channel_layouts=mono[p${i}]`);
  const all = `${Array.from({ length: pieces }, (_, i) => `[p${i}]`).join('')}concat=n=${pieces}:v=0:a=1[out]`;
  const wav = join(directory, 'mixed.wav');
  ffmpeg(...inputs, '-filter_complex', [...same, all].join(';'), '-map', '[out]', '-c:a', 'pcm_s16le', wav);
  return { wav, text: PARAGRAPHS.join(' ') };
}

/** The speech with pink noise below it, 15 dB softer. */
function speechInNoise({ wav, text }: KnownSpeech): KnownSpeech {
  const noisy = join(directory, 'noisy.wav');
  const noise = 'anoisesrc=r=16000:c=pink:a=0.06:seed=9';
  const mix = '[0:a][1:a]amix=inputs=2:duration=first:normalize=0[out]';
  ffmpeg('-i', wav, '-f', 'lavfi', '-i', noise, '-filter_complex', mix, '-map', '[out]', '-c:a', 'pcm_s16le', noisy);
  return { wav: noisy, text };
}

function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args]);
}
