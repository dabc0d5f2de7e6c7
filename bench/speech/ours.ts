import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ConvertResult, Quality, StepRequest, Transcript } from '@mediajob/contract';

// Our whole path on one file, in one process and on a new volume: probe, convert, transcribe, finalize with subtitles.
//   node ours.ts FILE --language en --engine ctranslate2 --quality balanced
// Prints {"text": …, "words": [{"word", "startMs", "endMs"}]}.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { language: { type: 'string' }, engine: { type: 'string' }, quality: { type: 'string' } },
});
const file = positionals[0] ?? '';

const { runStep, stepToolsOf } = await import('../../packages/steps/dist/index.js');

const root = await mkdtemp(join(tmpdir(), 'mediajob-bench-'));
const quiet = { debug() {}, info() {}, warn: console.error, error: console.error };
const tools = stepToolsOf(
  'transcribe',
  { ...process.env, MEDIAJOB_DATA_DIR: root, MEDIAJOB_RESERVE_BYTES: '0', MEDIAJOB_SPEECH_ENGINE: values.engine },
  quiet,
);
const signal = new AbortController().signal;
const context = {
  ...{ ...tools, ffmpeg: { path: 'ffmpeg', stallMs: 120_000 } },
  ...{ signal, log: quiet, progress() {}, now: () => new Date() },
};
const common = { jobId: '0b9e5f0c-3c55-4b62-9f3b-6d2f3f1d2a10', runId: 'bench' };
try {
  await mkdir(join(root, 'inbox'));
  await copyFile(file, join(root, 'inbox', basename(file)));
  const converted = (await runStep(
    {
      ...{ ...common, stage: 'convert', source: `inbox/${basename(file)}`, audioTrack: 0, transcript: true },
      ...{ plan: { targetMs: 300_000, windowMs: 30_000 }, maxDurationMs: 86_400_000 },
    } as StepRequest,
    context,
  )) as ConvertResult;
  await runStep(
    {
      ...{ ...common, stage: 'transcribe', shard: 0, chunks: { from: 0, to: converted.chunks }, model: 'base' },
      ...{ language: values.language, task: 'transcribe', quality: values.quality as Quality },
      finalize: { formats: ['srt', 'vtt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
    } as StepRequest,
    context,
  );
  const json = await readFile(join(root, 'outputs', common.jobId, 'transcript.json'), 'utf8').catch(() => undefined);
  const heard = json === undefined ? [] : (JSON.parse(json) as Transcript).word_segments;
  const words = heard.map((it) => ({
    word: it.word,
    startMs: Math.round((it.start ?? 0) * 1000),
    endMs: Math.round((it.end ?? 0) * 1000),
  }));
  console.log(JSON.stringify({ text: words.map((it) => it.word).join(' '), words }));
} finally {
  await tools.engines?.close();
  await rm(root, { recursive: true, force: true });
}
