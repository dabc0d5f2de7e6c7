import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

const repository = new URL('../../../../', import.meta.url);
const nest = new URL('packages/service/dist/nest/index.js', repository).href;
const contract = new URL('packages/contract/dist/index.js', repository).href;

/** A service as its own process; `extra` runs when its module is made, with `context` at hand. */
const script = (extra: string) => `
  import { bootstrapService, HealthModule, TasksModule } from '${nest}';
  import { ConverterEnv } from '${contract}';
  class TestModule {}
  await bootstrapService({
    name: 'converter', version: '0.0.0', description: 'test', env: ConverterEnv,
    module: (context) => {
      ${extra}
      return { module: TestModule, imports: [HealthModule.forRoot({ checks: [] })] };
    },
  });`;

let dataDir = '';
const children: ChildProcess[] = [];

beforeAll(() => {
  // What is tested is the process as it is shipped: compiled.
  const tsc = new URL('node_modules/typescript/bin/tsc', repository).pathname;
  execFileSync(process.execPath, [tsc, '-b', 'packages/service'], { cwd: repository, stdio: 'inherit' });
});
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mediajob-bootstrap-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(dataDir, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  lines: Record<string, unknown>[];
  stderr(): string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  listening(): Promise<number>;
}

function start(options: { extra?: string; environment?: Record<string, string>; ipc?: boolean } = {}): Started {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script(options.extra ?? '')], {
    env: {
      ...process.env,
      MEDIAJOB_PORT: '0',
      MEDIAJOB_METRICS_PORT: '0',
      MEDIAJOB_DATA_DIR: dataDir,
      ...options.environment,
    },
    stdio: options.ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines: Record<string, unknown>[] = [];
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part));
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // After disconnect() Node never tells of 'close', so the end is its exit and the end of its output.
  const output = Promise.all([once(child.stdout ?? child, 'close'), once(child.stderr ?? child, 'close')]);
  const ended = once(child, 'exit').then(async ([code, signal]) => {
    await output;
    return { code, signal };
  });
  const listening = () =>
    vi.waitFor(
      () => {
        const line = lines.find((it) => it.msg === 'listening');
        expect(line, stderr).toBeDefined();
        return line?.port as number;
      },
      { timeout: 30_000, interval: 20 },
    );
  return { child, lines, stderr: () => stderr, ended, listening };
}

describe('a service as a process', () => {
  it('does not start with a wrong setting: it names it and ends with 64', async () => {
    const { ended, stderr } = start({ environment: { MEDIAJOB_LOG_LEVEL: 'loud', MEDIAJOB_CONCURRENCY: 'many' } });
    expect((await ended).code).toBe(64);
    expect(stderr()).toContain('MEDIAJOB_LOG_LEVEL="loud"');
    expect(stderr()).toContain('MEDIAJOB_CONCURRENCY="many": must be a whole number');
    expect(stderr()).not.toContain('    at ');
  });

  it.each(['MEDIAJOB_PORT', 'MEDIAJOB_METRICS_PORT'])(
    'ends with 69 when its port is taken, naming %s',
    async (setting) => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const { ended, stderr } = start({ environment: { [setting]: String(port) } });
      expect((await ended).code).toBe(69);
      expect(stderr()).toContain(`Port ${port} on 127.0.0.1 is taken`);
      expect(stderr()).toContain(`set ${setting} to another port`);
      server.close();
    },
  );

  it('ends with 70 and the reason when its module cannot be made', async () => {
    const { ended, stderr } = start({ extra: `throw new Error('no such luck');` });
    expect((await ended).code).toBe(70);
    expect(stderr()).toContain('no such luck');
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends by itself with 0 on %s', async (signal) => {
    const { child, ended, listening, lines } = start();
    const port = await listening();
    expect((await fetch(`http://127.0.0.1:${port}/health/ready`)).status).toBe(200);
    child.kill(signal);
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(lines.at(-1)).toMatchObject({ msg: 'ended', reason: signal });
  });

  it('takes the echo of a signal for the same wish, and ends in order', async () => {
    const { child, ended, listening, lines } = start({
      extra: `context.shutdown.on('stop-children', 'slow', () => new Promise((resolve) => setTimeout(resolve, 300)));`,
    });
    await listening();
    child.kill('SIGINT');
    await vi.waitFor(() => expect(lines.map((it) => it.msg)).toContain('shutting down'), 30_000);
    child.kill('SIGINT');
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  it('ends at once when the signal comes again a while later', async () => {
    const { child, ended, listening, lines } = start({
      extra: `context.shutdown.on('stop-children', 'hangs', () => new Promise(() => {}));`,
      environment: { MEDIAJOB_SHUTDOWN_GRACE: '10m' },
    });
    await listening();
    child.kill('SIGTERM');
    await vi.waitFor(() => expect(lines.map((it) => it.msg)).toContain('shutting down'), 30_000);
    await new Promise((resolve) => setTimeout(resolve, 1300));
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 143, signal: null });
  });

  it('ends when the process that started it goes away', async () => {
    const { child, ended, listening, lines } = start({ ipc: true });
    await listening();
    child.disconnect();
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(lines.at(-1)).toMatchObject({ msg: 'ended' });
  });

  it('ends with 70 and a fatal line after an unexpected error, to be started again', async () => {
    const { ended, lines } = start({ extra: `setTimeout(() => { throw new Error('surprise'); }, 500);` });
    expect((await ended).code).toBe(70);
    expect(lines.at(-1)).toMatchObject({ level: 'fatal', err: { message: 'surprise' } });
  });

  it('is ended by its watchdog when its event loop hangs', async () => {
    const { child, ended, stderr, listening } = start({
      extra: `process.on('SIGUSR2', () => { for (;;) {} });`,
      environment: { MEDIAJOB_WATCHDOG: '1s' },
    });
    await listening();
    child.kill('SIGUSR2');
    expect((await ended).signal).toBe('SIGKILL');
    expect(stderr()).toContain('event loop stood still');
  });
});
