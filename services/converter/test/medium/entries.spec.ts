import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StepOutcome, type StepRequest, TaskStatus } from '@mediajob/contract';
import { readProcess, readProcessTree } from '@mediajob/service';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { aLongTone, aTone, JOB_ID, SOURCE } from './a-converter.js';

const repository = new URL('../../../../', import.meta.url);
const entry = (name: 'server' | 'job') => new URL(`services/converter/dist/${name}.js`, repository).pathname;

let dataDir = '';
const children: ChildProcess[] = [];

beforeAll(() => {
  // What is tested are the entries as an image has them: compiled.
  const tsc = new URL('node_modules/typescript/bin/tsc', repository).pathname;
  execFileSync(process.execPath, [tsc, '-b', 'services/converter'], { cwd: repository, stdio: 'inherit' });
});
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediajob-entries-'));
  await mkdir(join(dataDir, 'uploads', '01JDMEDIAJ0B00000000000001'), { recursive: true });
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

const request: StepRequest = {
  stage: 'convert',
  jobId: JOB_ID,
  runId: 'talk-convert-0-1',
  source: SOURCE,
  audioTrack: 0,
  transcript: true,
  plan: { targetMs: 300_000, windowMs: 30_000 },
  maxDurationMs: 24 * 3_600_000,
};

function start(name: 'server' | 'job', argv: string[] = [], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [entry(name), ...argv], {
    env: {
      ...process.env,
      MEDIAJOB_DATA_DIR: dataDir,
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_RESERVE_BYTES: '1MB',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return { child, ended, stdout: () => stdout };
}

/** A server with a long convert run at work; tells the pid of its ffmpeg. */
async function aServerAtWork() {
  aLongTone(join(dataDir, SOURCE), 12);
  const server = start('server');
  const port = await vi.waitFor(
    () => {
      const line = server
        .stdout()
        .split('\n')
        .find((it) => it.includes('"msg":"listening"'));
      expect(line).toBeDefined();
      return (JSON.parse(line ?? '') as { port: number }).port;
    },
    { timeout: 30_000, interval: 50 },
  );
  const task = `http://127.0.0.1:${port}/v1/tasks/a`;
  await fetch(task, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  return vi.waitFor(
    async () => {
      const status = TaskStatus.parse(await (await fetch(task)).json());
      expect(status.progress?.fraction ?? 0, JSON.stringify(status)).toBeGreaterThan(0);
      const pids = readProcessTree(server.child.pid ?? 0)
        .map((it) => it.pid)
        .filter((pid) => pid !== server.child.pid);
      expect(pids.length).toBeGreaterThan(0);
      return { ...server, pids };
    },
    { timeout: 60_000, interval: 50 },
  );
}

describe('the server entry', () => {
  it('ends with 0 on SIGTERM in the middle of a run, and leaves no child behind', async () => {
    const { child, ended, pids } = await aServerAtWork();
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(pids.filter((pid) => readProcess(pid) !== undefined)).toEqual([]);
  });

  it('that is killed takes its children with it', async () => {
    const { child, pids } = await aServerAtWork();
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(pids.filter((pid) => readProcess(pid) !== undefined)).toEqual([]), {
      timeout: 60_000,
    });
  });
});

describe('the job entry', () => {
  const outcomeOf = (stdout: string) => StepOutcome.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));

  it('prints its result as the last line, writes it as the termination message, and ends with 0', async () => {
    aTone(join(dataDir, SOURCE), 3);
    const message = join(dataDir, 'termination-log');
    await writeFile(message, '');
    const { ended, stdout } = start('job', ['--request', JSON.stringify(request)], {
      MEDIAJOB_TERMINATION_LOG: message,
    });
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(outcomeOf(stdout())).toMatchObject({ result: { stage: 'convert', media: { audioCodec: 'mp3' } } });
    expect(outcomeOf(await readFile(message, 'utf8'))).toEqual(outcomeOf(stdout()));
  });

  it.each([
    [
      'a file that is no media',
      65,
      'UnsupportedMedia',
      async () => writeFile(join(dataDir, SOURCE), 'words\n'.repeat(99)),
    ],
    ['a file that is not there', 66, 'InputNotFound', async () => {}],
  ] as const)('ends by the contract for %s: %i', async (_what, exitCode, reason, prepare) => {
    await prepare();
    const { ended, stdout } = start('job', ['--request', JSON.stringify(request)]);
    expect((await ended).code).toBe(exitCode);
    expect(outcomeOf(stdout())).toMatchObject({ failure: { exitCode, reason } });
  });

  it('ends with 64 for a request that it does not understand, naming the field', async () => {
    const { ended, stdout } = start('job', ['--request', JSON.stringify({ ...request, jobId: 'x' })]);
    expect((await ended).code).toBe(64);
    expect(outcomeOf(stdout())).toMatchObject({
      failure: { reason: 'InvalidArguments', message: expect.stringContaining('jobId') },
    });
  });

  it('ends with 143 on SIGTERM, never with 0', async () => {
    aLongTone(join(dataDir, SOURCE), 12);
    const { child, ended, stdout } = start('job', ['--request', JSON.stringify(request)]);
    await vi.waitFor(() => expect(readProcessTree(child.pid ?? 0).length).toBeGreaterThan(1), {
      timeout: 30_000,
      interval: 20,
    });
    child.kill('SIGTERM');
    expect((await ended).code).toBe(143);
    expect(outcomeOf(stdout())).toMatchObject({ failure: { exitCode: 143, reason: 'Interrupted' } });
  });
});
