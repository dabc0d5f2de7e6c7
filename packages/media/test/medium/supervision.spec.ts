import { spawn } from 'node:child_process';
import { chmod, readFile, rm, stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyzeWav } from '../../src/analyze.js';
import { extractAudio } from '../../src/extract.js';
import { type FfmpegOptions, runFfmpeg } from '../../src/ffmpeg.js';
import { deathLauncher } from '../../src/launcher.js';
import { ffmpegVersion } from '../../src/version.js';
import { ffmpeg, Studio } from '../recordings.js';

let studio: Studio;
beforeAll(async () => {
  studio = await Studio.open();
});
afterAll(() => studio.close());

/** A program in ffmpeg's place; it writes its process id to `<name>.pid`. */
async function aProgram(name: string, script: string, stallMs = 60_000): Promise<FfmpegOptions> {
  const path = await studio.write(name, `#!/bin/sh\necho $$ > '${studio.path(name)}.pid'\n${script}\n`);
  await chmod(path, 0o755);
  return { path, stallMs };
}

const pidOf = async (name: string) => Number(await readFile(`${studio.path(name)}.pid`, 'utf8'));
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (;;) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const started = (name: string) =>
  until(() =>
    stat(`${studio.path(name)}.pid`).then(
      (it) => it.size > 0,
      () => false,
    ),
  );

const command = () => ({
  input: studio.path('in'),
  decoders: 'audio' as const,
  outputs: [{ target: 'none' as const, options: [] }],
});
const run = (options: FfmpegOptions, extra: { signal?: AbortSignal; hardMs?: number } = {}) =>
  runFfmpeg(command(), { ffmpeg: options, hardMs: 60_000, ...extra });
const report = (us: number, state = 'continue') => `printf 'out_time_us=${us}\\nprogress=${state}\\n' >&2`;

describe('ffmpeg under supervision', () => {
  it('ends well only when it says that it ended', async () => {
    const good = await run(await aProgram('good', `${report(1000, 'end')}; echo out; exit 0`));
    expect(good.progress).toMatchObject({ outTimeMs: 1, ended: true });
    expect(good.stdout).toBe('out\n');
    await expect(run(await aProgram('early', `${report(1000)}; exit 0`))).rejects.toMatchObject({ code: 'failed' });
  });

  it('is stopped when it makes no progress, also when it keeps repeating itself', async () => {
    const program = await aProgram('stuck', `while true; do ${report(5000)}; sleep 0.05; done`, 400);
    await expect(run(program)).rejects.toMatchObject({ code: 'stalled', message: expect.stringMatching(/Try again/) });
    expect(isAlive(await pidOf('stuck'))).toBe(false);
  });

  it('is not stopped while it only moves bytes in its file', async () => {
    const file = await studio.write('moved.bin', '');
    const program = await aProgram(
      'mover',
      `i=0; while [ $i -lt 12 ]; do echo x >> '${file}'; sleep 0.1; i=$((i+1)); done; ${report(1000, 'end')}`,
      800,
    );
    const result = await runFfmpeg(
      { ...command(), outputs: [{ target: { file }, options: [] }] },
      { ffmpeg: program, hardMs: 60_000 },
    );
    expect(result.progress.ended).toBe(true);
  });

  it('is stopped when it goes on for ever', async () => {
    const program = await aProgram(
      'endless',
      `i=0; while true; do i=$((i+1)); printf "out_time_us=\${i}000\\nprogress=continue\\n" >&2; sleep 0.02; done`,
    );
    await expect(run(program, { hardMs: 500 })).rejects.toMatchObject({ code: 'deadline' });
    expect(isAlive(await pidOf('endless'))).toBe(false);
  });

  it('is stopped with its children when the caller says so', async () => {
    const caller = new AbortController();
    const program = await aProgram('parent', `sleep 300 & echo $! > '${studio.path('child.pid')}'; wait`);
    const running = run(program, { signal: caller.signal });
    await started('child');
    caller.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(isAlive(await pidOf('parent'))).toBe(false);
    const child = Number(await readFile(studio.path('child.pid'), 'utf8'));
    await until(() => !isAlive(child));
  });

  it('is killed when it does not listen', async () => {
    const caller = new AbortController();
    const program = await aProgram(
      'deaf',
      `trap '' TERM; echo ready > '${studio.path('ready.pid')}'; while true; do sleep 0.1; done`,
    );
    const running = run(program, { signal: caller.signal });
    await started('ready');
    caller.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    expect(isAlive(await pidOf('deaf'))).toBe(false);
  });

  it('is not even started for a caller who has given up', async () => {
    const program = await aProgram('unborn', 'exit 0');
    await expect(run(program, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'interrupted' });
    await expect(stat(`${studio.path('unborn')}.pid`)).rejects.toThrow();
  });

  it('that is killed from outside ran out of memory', async () => {
    await expect(run(await aProgram('hungry', 'kill -KILL $$'))).rejects.toMatchObject({ code: 'oom' });
    await expect(run(await aProgram('wrapped', 'exit 137'))).rejects.toMatchObject({ code: 'oom' });
  });

  it('that crashes was killed, and says by what', async () => {
    await expect(run(await aProgram('crash', 'kill -SEGV $$'))).rejects.toMatchObject({
      code: 'killed',
      message: expect.stringContaining('SIGSEGV'),
    });
  });

  it('that is not there is missing, with what to do', async () => {
    const missing = { path: studio.path('no-such-ffmpeg'), stallMs: 1000 };
    const want = { code: 'ffmpeg-missing', message: expect.stringMatching(/Install it|MEDIAJOB_FFMPEG/) };
    await expect(run(missing)).rejects.toMatchObject(want);
    await expect(ffmpegVersion(missing)).rejects.toMatchObject(want);
  });

  it('sees nothing of our environment', async () => {
    process.env.FFREPORT = 'file=report.log';
    process.env.MEDIAJOB_SECRET = 'secret';
    try {
      const { stdout } = await run(await aProgram('env', `env; ${report(1, 'end')}`));
      expect(stdout).toContain('LC_ALL=C');
      expect(stdout).not.toMatch(/FFREPORT|secret/);
    } finally {
      delete process.env.FFREPORT;
      delete process.env.MEDIAJOB_SECRET;
    }
  });

  it('dies with a parent that is killed', async () => {
    // Only where setpriv can do it; elsewhere the launcher is empty and says so.
    if ((await deathLauncher()).length === 0) {
      expect(process.platform === 'linux' && process.env.CI === 'true').toBe(false);
      return;
    }
    const program = await aProgram('orphan', 'exec sleep 300');
    // A parent of its own, running the sources: Node strips the types, the hook finds them.
    const script = `
      import { registerHooks } from 'node:module';
      const ours = (context) => context.parentURL?.includes('/media/src/') ?? false;
      const source = (name, context) => (ours(context) ? name.replace(/^(\\.\\/.*)\\.js$/, '$1.ts') : name);
      registerHooks({ resolve: (name, context, next) => next(source(name, context), context) });
      const { runFfmpeg } = await import(${JSON.stringify(new URL('../../src/ffmpeg.ts', import.meta.url).href)});
      await runFfmpeg(${JSON.stringify(command())}, { ffmpeg: ${JSON.stringify(program)}, hardMs: 60000 });`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    await started('orphan');
    const pid = await pidOf('orphan');
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid));
  });

  it('is asked for its version once in a while, and again at once after it failed', async () => {
    const count = studio.path('asked');
    const { path } = await aProgram(
      'versioned',
      `echo x >> '${count}'; test -e '${count}.broken' || echo ffmpeg version 8.1.2 x`,
    );
    await studio.write('asked.broken', '');
    await expect(ffmpegVersion({ path })).rejects.toMatchObject({ code: 'ffmpeg-missing' });
    await rm(`${count}.broken`);
    const asked = await Promise.all([ffmpegVersion({ path }), ffmpegVersion({ path })]);
    expect([...asked, await ffmpegVersion({ path })].map((it) => it.version)).toEqual(['8.1.2', '8.1.2', '8.1.2']);
    expect(await readFile(count, 'utf8')).toBe('x\nx\n');
  });

  it('answers for its version', async () => {
    expect(await ffmpegVersion(ffmpeg)).toMatchObject({
      version: expect.stringMatching(/^[\w.]/),
      patched: expect.any(Boolean),
    });
  });
});

describe('the disk', () => {
  it('that is full is told apart from a bad file', async () => {
    const input = await studio.recording('fine.mp3', []);
    const extract = extractAudio(input, '/dev/full', {
      audioTrack: 0,
      durationMs: 4000,
      maxDurationMs: 60_000,
      ffmpeg,
    });
    await expect(extract).rejects.toMatchObject({ code: 'storage-full' });
  });
});

describe('ten hours of audio', () => {
  it('are measured in flat memory', async () => {
    const seconds = 36_000;
    const wav = await studio.voice('ten-hours.wav', 1000, [0, 1000]);
    const header = (await readFile(wav)).subarray(0, 44);
    header.writeUInt32LE(seconds * 32_000 + 36, 4);
    header.writeUInt32LE(seconds * 32_000, 40);
    const path = await studio.write('ten-hours.wav', header);
    const { truncate } = await import('node:fs/promises');
    await truncate(path, 44 + seconds * 32_000);

    const before = process.memoryUsage().rss;
    let most = before;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const map = await analyzeWav(path);
    clearInterval(timer);
    expect(map.durationMs).toBe(seconds * 1000);
    expect(map.levels).toHaveLength(seconds * 50);
    expect(most - before).toBeLessThan(150 * 1024 * 1024);
  });
});
