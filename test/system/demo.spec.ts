import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../scripts/run/free-ports.ts';
import { ROOT } from '../../scripts/setup/paths.ts';
import { loopedSpeech, SAMPLE, SAMPLE_TEXT } from './speech.ts';

let directory: string;
let children: ChildProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mediajob-demo-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

interface Run {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** npm start, as the scripts of package.json run it. */
function start(args: string[]): Run {
  const child = spawn(process.execPath, [join(ROOT, 'bootstrap.mjs'), 'scripts/start.ts', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, MEDIAJOB_DATA_DIR: join(directory, 'data'), CI: 'true' },
  });
  children.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

describe('npm start', () => {
  it('transcribes a file, prints the transcript and where the outputs are, and exits 0', async () => {
    const run = start([
      SAMPLE,
      '--exit',
      '--port',
      String(await freePorts(3)),
      '--formats',
      'srt,vtt,json,txt,tsv,lrc',
      '--convert',
      'opus',
    ]);
    const { code } = await run.ended;
    expect(run.stderr()).toContain('convert ✓');
    expect(code, run.stderr()).toBe(0);
    expect(run.stdout().toLowerCase()).toContain(SAMPLE_TEXT);
    const listed = run
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith(directory));
    expect(listed.map((path) => path.split('/').at(-1)).sort()).toEqual([
      'media.opus',
      'transcript.json',
      'transcript.lrc',
      'transcript.srt',
      'transcript.tsv',
      'transcript.txt',
      'transcript.vtt',
    ]);
    for (const path of listed) expect(existsSync(path)).toBe(true);
    expect(readFileSync(listed.find((it) => it.endsWith('.srt')) as string, 'utf8')).toMatch(/^1\r?\n00:00:0/);
  });

  it('ends with the exit code of the step for a file that is no media, and says what to do', async () => {
    const file = join(ROOT, 'README.md');
    const run = start([file, '--exit', '--port', String(await freePorts(3))]);
    const { code } = await run.ended;
    expect(code, run.stderr()).toBe(65);
    expect(run.stderr()).toMatch(/audio or video|media/i);
  });

  it('names a file that is not there and exits 66 before anything starts', async () => {
    const run = start([join(directory, 'none.mp3'), '--exit']);
    expect((await run.ended).code).toBe(66);
    expect(run.stderr()).toContain('none.mp3');
  });

  it('stops cleanly at Ctrl-C, and the next start carries the unfinished job on', async () => {
    const audio = join(directory, 'long.flac');
    loopedSpeech(audio, 8);
    const port = String(await freePorts(3));
    const first = start([audio, '--port', port]);
    await untilOutput(first, /transcribe .*[1-9]\d?%/);
    first.child.kill('SIGTERM');
    expect((await first.ended).code).not.toBe(0);

    const second = start(['--port', port, '--no-open']);
    await untilOutput(second, /MediaJob is ready/);
    const url = `http://127.0.0.1:${port}/api/v1/jobs`;
    let phase = '';
    while (!['Succeeded', 'Failed'].includes(phase)) {
      const { items } = (await (await fetch(url)).json()) as { items: { status: { phase: string } }[] };
      expect(items).toHaveLength(1);
      phase = items[0]?.status.phase ?? '';
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(phase).toBe('Succeeded');
    second.child.kill('SIGTERM');
    await second.ended;
    const outputs = join(directory, 'data/outputs');
    const text = readFileSync(join(outputs, readdirSync(outputs)[0] as string, 'transcript.txt'), 'utf8').toLowerCase();
    expect(text.split(SAMPLE_TEXT).length - 1).toBeGreaterThanOrEqual(7);
  });

  it('leaves no service behind when it is killed', async () => {
    const port = await freePorts(3);
    const run = start(['--port', String(port), '--no-open']);
    await untilOutput(run, /MediaJob is ready/);
    // bootstrap's child is the starter itself: kill both, as a machine that runs out of memory would.
    const starter = readFileSync(`/proc/${run.child.pid}/task/${run.child.pid}/children`, 'utf8').trim().split(' ')[0];
    process.kill(Number(starter), 'SIGKILL');
    await run.ended;
    for (let listening = true; listening; await new Promise((resolve) => setTimeout(resolve, 100))) {
      const answers = await Promise.allSettled(
        [0, 1, 2].map((offset) => fetch(`http://127.0.0.1:${port + offset}/health/live`)),
      );
      listening = answers.some((it) => it.status === 'fulfilled');
    }
  });
});

async function untilOutput(run: Run, pattern: RegExp): Promise<void> {
  let ended = false;
  void run.ended.then(() => {
    ended = true;
  });
  while (!pattern.test(run.stderr())) {
    if (ended) throw new Error(`ended without ${pattern}:\n${run.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
