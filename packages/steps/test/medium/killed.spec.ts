import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConvertResult, Part, StepOutcome, type StepRequest } from '@mediajob/contract';
import { isPartialName, sweep, Volume } from '@mediajob/storage';
import { beforeAll, describe, expect, it } from 'vitest';
import { aTemporaryDirectory } from '../../../storage/test/fixtures/temporary-directory.js';
import { aTranscribeRequest, jobId } from '../fixtures/a-job.js';
import { bursts, makeMedia } from '../fixtures/media.js';

/** Half of what a short process does is compiling; the runs share it. */
const compileCache = join(tmpdir(), 'mediajob-test-compile-cache');

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Ending {
  killed: boolean;
  code: number | null;
  outcome: StepOutcome | undefined;
  stderr: string;
}

/** Runs a real Job process that kills itself by SIGKILL at its `at`-th change of the volume; -1: never. */
async function runAndDie(root: string, request: StepRequest, at: number): Promise<Ending> {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@mediajob/source',
      ...['--import', here('../../../storage/test/fixtures/typescript-sources.mjs')],
      ...[here('./killed-child.ts'), root, String(at), JSON.stringify(request), join(root, 'decoded.log')],
    ],
    { env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compileCache } },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const last = stdout.trimEnd().split('\n').at(-1);
  return {
    killed: signal === 'SIGKILL',
    code,
    stderr,
    outcome: last ? StepOutcome.parse(JSON.parse(last)) : undefined,
  };
}

const decodedIn = async (root: string) =>
  (await readFile(join(root, 'decoded.log'), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);

async function outputsOf(root: string): Promise<Record<string, string>> {
  const directory = join(root, 'outputs', jobId);
  const names = (await readdir(directory)).filter((name) => name.startsWith('transcript.'));
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')])),
  );
}

async function finishedParts(root: string): Promise<Map<number, Part>> {
  const directory = join(root, 'jobs', jobId, 'work', 'parts');
  const names = (await readdir(directory).catch(() => [])).filter((name) => !isPartialName(name));
  const parts = await Promise.all(
    names.map(async (it) => Part.parse(JSON.parse(await readFile(join(directory, it), 'utf8')))),
  );
  return new Map(parts.map((part) => [part.chunk, part]));
}

describe('a Job that dies by SIGKILL at any change that it makes to the volume', { timeout: 300_000 }, () => {
  let converted = '';
  let chunks = 0;
  const convert: StepRequest = {
    stage: 'convert',
    jobId,
    runId: 'convert-1',
    source: 'inbox/talk.wav',
    audioTrack: 0,
    transcript: true,
    plan: { targetMs: 30_000, windowMs: 10_000, detector: 'energy' },
    maxDurationMs: 3_600_000,
  };
  beforeAll(async () => {
    // Not aTemporaryDirectory: this one is for all tests of the file.
    converted = join(await mkdtemp(join(tmpdir(), 'mediajob-killed-')), 'volume');
    await mkdir(converted);
    await makeMedia(join(converted, 'inbox', 'talk.wav'), ['-f', 'lavfi', '-i', bursts(80)]);
    const { outcome, stderr } = await runAndDie(converted, convert, -1);
    if (outcome === undefined || 'failure' in outcome) throw new Error(`convert failed: ${stderr}`);
    chunks = ConvertResult.parse(outcome.result).chunks;
    return () => rm(join(converted, '..'), { recursive: true, force: true });
  });

  it('convert: nothing half is visible, and the next run leaves the same audio and plan', async () => {
    const want = await Promise.all(
      ['audio.wav', 'plan.json', 'peaks.json'].map((it) => readFile(join(converted, 'jobs', jobId, 'work', it))),
    );
    let kills = 0;
    for (let at = 0; ; at++) {
      const root = await aTemporaryDirectory();
      await cp(join(converted, 'inbox'), join(root, 'inbox'), { recursive: true, preserveTimestamps: true });
      const { killed, code, stderr } = await runAndDie(root, convert, at);
      if (!killed) {
        expect(code, stderr).toBe(0);
        break;
      }
      kills += 1;
      const work = join(root, 'jobs', jobId, 'work');
      for (const [index, name] of ['audio.wav', 'plan.json', 'peaks.json'].entries()) {
        const seen = await readFile(join(work, name)).catch(() => undefined);
        if (seen !== undefined) expect(seen.equals(want[index] ?? Buffer.alloc(0)), `${name} after ${at}`).toBe(true);
      }
      const again = await runAndDie(root, { ...convert, runId: 'convert-2' }, -1);
      expect(again.code, again.stderr).toBe(0);
      for (const [index, name] of ['audio.wav', 'plan.json', 'peaks.json'].entries()) {
        expect((await readFile(join(work, name))).equals(want[index] ?? Buffer.alloc(0))).toBe(true);
      }
    }
    expect(kills).toBeGreaterThan(15);
  });

  it('transcribe and finalize: the next runs end with the same transcript, and no finished part is decoded twice', async () => {
    const request = aTranscribeRequest({
      chunks: { from: 0, to: chunks },
      finalize: { formats: ['srt'], subtitles: { maxCharsPerLine: 42, maxLines: 2 } },
    });
    const calm = await aTemporaryDirectory();
    await cp(converted, calm, { recursive: true, preserveTimestamps: true });
    await runAndDie(calm, request, -1);
    const want = await outputsOf(calm);
    expect(Object.keys(want).sort()).toEqual(['transcript.json', 'transcript.srt']);
    const allWindows = (await decodedIn(calm)).sort((a, b) => a - b);
    expect(new Set(allWindows).size).toBe(allWindows.length);

    let kills = 0;
    let kept = 0;
    for (let at = 0; ; at++) {
      const root = await aTemporaryDirectory();
      await cp(converted, root, { recursive: true, preserveTimestamps: true });
      const { killed, code, stderr } = await runAndDie(root, request, at);
      if (!killed) {
        expect(code, stderr).toBe(0);
        break;
      }
      kills += 1;
      for (const [name, text] of Object.entries(await outputsOf(root).catch(() => ({})))) {
        expect(text, `${name} after ${at}`).toBe(want[name]);
      }
      const parts = await finishedParts(root);
      kept += parts.size;
      await writeFile(join(root, 'decoded.log'), '');

      const last = await runAndDie(root, { ...request, runId: 'run-2' }, -1);
      expect(last.code, last.stderr).toBe(0);
      expect(await outputsOf(root), `killed at ${at}`).toEqual(want);
      const decoded = await decodedIn(root);
      for (const part of parts.values()) {
        const again = decoded.filter((startMs) => startMs >= part.startMs && startMs < part.endMs);
        expect(again, `part ${part.chunk} was finished when it was killed at ${at}`).toEqual([]);
      }
      const volume = new Volume(root);
      await sweep(volume, { dryRun: false, now: new Date(Date.now() + 86_400_000), knownJobs: new Set([jobId]) });
      expect((await readdir(root, { recursive: true })).filter((name) => name.endsWith('.partial'))).toEqual([]);
    }
    expect(kills).toBeGreaterThan(30);
    expect(kept).toBeGreaterThan(20);
  });
});
