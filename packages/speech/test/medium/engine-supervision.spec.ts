import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodingOptions, type Engine, EngineError, type EngineOptions, openEngine } from '../../src/engine/index.js';
import { testedEngines } from '../fixtures/engines.js';
import { writeToyModel } from '../fixtures/toy-model.js';
import { writeToneWav } from '../fixtures/wav.js';

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'supervision-'));
const wavPath = join(directory, 'tone.wav');
const quick = join(directory, 'quick.bin');
const slow = join(directory, 'slow.bin');
let engine: Engine | undefined;
let program: string;

beforeAll(async () => {
  await writeToneWav(wavPath, 60_000);
  await writeToyModel(quick, { script: [0, ' Hello', ' world', 1500] });
  await writeToyModel(slow, { script: [0, ' Hello', ' world', 1500], audioLayers: 24 });
});

afterAll(() => rm(directory, { recursive: true, force: true }));
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

async function open(modelPath: string, options: Partial<EngineOptions> = {}): Promise<Engine> {
  engine = await openEngine({ program, modelPath, states: 1, threads: 1, stallMs: 60_000, ...options });
  return engine;
}

const window = {
  wavPath,
  startMs: 0,
  endMs: 2000,
  language: 'en',
  task: 'transcribe',
  options: decodingOptions('fast'),
} as const;

const textOf = ({ segments }: Awaited<ReturnType<Engine['decode']>>) =>
  segments.map((it) => Buffer.concat(it.tokens.map((token) => token.bytes)).toString()).join('');

/** Process ids of the engines that this test process started. */
async function engines(parent = process.pid): Promise<number[]> {
  const { stdout } = await run('ps', ['-o', 'pid=,comm=', '--ppid', `${parent}`]).catch(() => ({ stdout: '' }));
  return stdout
    .split('\n')
    .filter((line) => line.includes('mediajob-engine'))
    .map((line) => Number.parseInt(line, 10));
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Kills the only engine with a request running and another one waiting, and tells how both ended. */
async function killWhileBusy(signal: NodeJS.Signals) {
  const it = await open(slow);
  const began = Promise.withResolvers<void>();
  const running = it.decode(
    { ...window, endMs: 30_000, options: decodingOptions('best') },
    { onProgress: () => began.resolve() },
  );
  const waiting = it.decode(window);
  const failed = running.then(
    () => undefined,
    (error: EngineError) => error,
  );
  const [pid] = await engines();
  await began.promise;
  process.kill(pid ?? 0, signal);
  return { error: await failed, text: textOf(await waiting), pid, pids: await engines() };
}

describe.each(testedEngines())('$name: ', ({ name, program: tested }) => {
  beforeAll(() => {
    program = tested;
  });

  describe('openEngine', () => {
    it('decodes, detects a language, and reports progress that only rises', async () => {
      const it = await open(slow);
      expect(it.info).toMatchObject({ name, states: 1, threads: 1, multilingual: true, languages: 99 });
      const fractions: number[] = [];
      const result = await it.decode(window, { onProgress: (fraction) => fractions.push(fraction) });
      expect(textOf(result)).toBe(' Hello world');
      expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
      expect(fractions[0]).toBe(0);
      expect(fractions.every((it) => it <= 1)).toBe(true);
      const languages = await it.detectLanguage({ wavPath, startMs: 0, endMs: 1000 });
      expect(languages).toHaveLength(99);
    });

    it('answers many requests at once, each with its own result', async () => {
      const it = await open(quick, { states: 2 });
      const starts = Array.from({ length: 12 }, (_, i) => i * 2000);
      const results = await Promise.all(
        starts.map((startMs) => it.decode({ ...window, startMs, endMs: startMs + 2000 })),
      );
      expect(results.map((it) => it.segments[0]?.startMs)).toEqual(starts.map((it) => expect.closeTo(it, -4)));
      for (const [i, { segments }] of results.entries()) {
        expect(segments[0]?.startMs).toBeGreaterThanOrEqual(starts[i] ?? 0);
        expect(segments[0]?.endMs).toBeLessThanOrEqual((starts[i] ?? 0) + 2000);
      }
    });

    it('says in an error what was wrong with a request, and goes on', async () => {
      const it = await open(quick);
      const gone = { ...window, wavPath: join(directory, 'gone.wav') };
      await expect(it.decode(gone)).rejects.toMatchObject({
        code: 'input-not-found',
        message: expect.stringContaining('gone.wav'),
      });
      await expect(it.decode({ ...window, endMs: 90_000 })).rejects.toMatchObject({ code: 'bad-request' });
      expect(textOf(await it.decode(window))).toBe(' Hello world');
    });

    it('names what is missing: the program, the model', async () => {
      await expect(open(quick, { program: '/nowhere/engine' })).rejects.toMatchObject({
        code: 'engine-missing',
        message: expect.stringContaining('npm run setup'),
      });
      await expect(open(join(directory, 'gone.bin'))).rejects.toMatchObject({ code: 'model-not-found' });
      const broken = join(directory, 'broken.bin');
      await writeFile(broken, 'no model');
      await expect(open(broken)).rejects.toMatchObject({ code: 'bad-model', message: expect.stringContaining(broken) });
      await expect(open(quick, { program: broken })).rejects.toMatchObject({ code: 'engine-missing' });
      await expect(open(quick, { program: '/bin/cat' })).rejects.toBeInstanceOf(EngineError);
    });
  });

  describe('when the engine dies', () => {
    it('by a signal, what ran fails as crashed, and what waited is done by a new one', async () => {
      const { error, text, pid, pids } = await killWhileBusy('SIGSEGV');
      expect(error).toMatchObject({ code: 'crashed', message: expect.stringContaining('SIGSEGV') });
      expect(text).toBe(' Hello world');
      expect(pids).toHaveLength(1);
      expect(pids).not.toContain(pid);
    });

    it('by a SIGKILL that was not ours, it is taken for want of memory', async () => {
      const { error, text } = await killWhileBusy('SIGKILL');
      expect(error).toMatchObject({ code: 'out-of-memory' });
      expect(text).toBe(' Hello world');
    });

    it('while it is idle, the next request does not notice', async () => {
      const it = await open(quick);
      const [pid] = await engines();
      process.kill(pid ?? 0, 'SIGKILL');
      while (isAlive(pid ?? 0)) await sleep(10);
      expect(textOf(await it.decode(window))).toBe(' Hello world');
    });

    it('and cannot be started again, whoever waits learns why, and a later request tries again', async () => {
      const model = join(directory, 'fleeting.bin');
      await writeToyModel(model, { script: [0, ' Hello', ' world', 1500] });
      const it = await open(model);
      const [pid] = await engines();
      await rm(model);
      process.kill(pid ?? 0, 'SIGKILL');
      while (isAlive(pid ?? 0)) await sleep(10);
      await expect(it.decode(window)).rejects.toMatchObject({ code: 'model-not-found' });
      await writeToyModel(model, { script: [0, ' Hello', ' world', 1500] });
      expect(textOf(await it.decode(window))).toBe(' Hello world');
    });

    it('by standing still, it is stopped, and the request fails as stalled', async () => {
      const it = await open(quick, { stallMs: 3000, loadMs: 60_000 });
      const [pid] = await engines();
      const stuck = it.decode(window);
      process.kill(pid ?? 0, 'SIGSTOP');
      await expect(stuck).rejects.toMatchObject({ code: 'stalled' });
      expect(textOf(await it.decode({ ...window, wavPath }))).toBe(' Hello world');
    });
  });

  describe('a cancelled request', () => {
    it('that runs is interrupted, and frees its state without decoding to the end', async () => {
      const it = await open(slow);
      const [pid] = await engines();
      const cpu = () => {
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ');
        return Number(fields[11]) + Number(fields[12]); // utime, stime
      };
      const before = cpu();
      await it.decode(window);
      const whole = cpu() - before;

      const abort = new AbortController();
      const decoding = it.decode(window, { signal: abort.signal, onProgress: () => abort.abort(new Error('enough')) });
      await expect(decoding).rejects.toMatchObject({
        code: 'interrupted',
        cause: expect.objectContaining({ message: 'enough' }),
      });
      const last = await it.decode(window);
      expect(textOf(last)).toBe(' Hello world');
      expect(cpu() - before).toBeLessThan(whole * 2.6); // two whole ones and a small part, not three
    });

    it('that waits is interrupted before it begins, and one that comes too late does nothing', async () => {
      const it = await open(slow);
      const abort = new AbortController();
      const running = it.decode(window);
      const waiting = it.decode(window, { signal: abort.signal });
      abort.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
      expect(textOf(await running)).toBe(' Hello world');
      await expect(it.decode(window, { signal: abort.signal })).rejects.toMatchObject({ code: 'interrupted' });

      const late = new AbortController();
      await it.decode(window, { signal: late.signal });
      late.abort();
      expect(textOf(await it.decode(window))).toBe(' Hello world');
    });
  });

  describe('close', () => {
    it('fails what runs and what waits as closed, refuses more, and leaves no process', async () => {
      const it = await open(slow);
      const [pid] = await engines();
      const outcomes = Promise.allSettled([it.decode(window), it.decode(window)]);
      await it.close();
      await it.close();
      expect(await outcomes).toEqual([
        { status: 'rejected', reason: expect.objectContaining({ code: 'closed' }) },
        { status: 'rejected', reason: expect.objectContaining({ code: 'closed' }) },
      ]);
      await expect(it.decode(window)).rejects.toMatchObject({ code: 'closed' });
      expect(isAlive(pid ?? 0)).toBe(false);
    });

    it('ends an engine that does not react', async () => {
      const it = await open(slow);
      const [pid] = await engines();
      process.kill(pid ?? 0, 'SIGSTOP');
      await it.close();
      expect(isAlive(pid ?? 0)).toBe(false);
    });
  });

  describe('the engine', () => {
    it('dies with its host, even when that is killed while it decodes', async () => {
      const host = spawn(
        process.execPath,
        [
          '--conditions=@mediajob/source',
          '--import',
          fileURLToPath(new URL('../../../storage/test/fixtures/typescript-sources.mjs', import.meta.url)),
          fileURLToPath(new URL('../fixtures/engine-host.ts', import.meta.url)),
          program,
          slow,
          wavPath,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      await new Promise((resolve) => host.stdout.once('data', resolve));
      const [pid] = await engines(host.pid);
      expect(isAlive(pid ?? 0)).toBe(true);
      host.kill('SIGKILL');
      while (isAlive(pid ?? 0)) await sleep(20);
      expect(isAlive(pid ?? 0)).toBe(false);
    });
  });
});
