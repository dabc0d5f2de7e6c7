import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const watchdog = new URL('../../src/core/watchdog.ts', import.meta.url).href;

async function run(script: string): Promise<{ signal: NodeJS.Signals | null; code: number | null; stderr: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { code, signal, stderr };
}

describe('the watchdog', () => {
  it('ends a process whose event loop stands still, and says why', async () => {
    const { signal, stderr } = await run(`
      import { startWatchdog } from '${watchdog}';
      startWatchdog(400);
      setTimeout(() => { for (;;) {} }, 100);
    `);
    expect(signal).toBe('SIGKILL');
    expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      level: 'fatal',
      msg: expect.stringContaining('event loop stood still for 400 ms'),
    });
  });

  it('leaves a process alone whose loop is busy but moves', async () => {
    const { code, signal } = await run(`
      import { startWatchdog } from '${watchdog}';
      const watchdog = startWatchdog(2000);
      const until = Date.now() + 3000;
      const timer = setInterval(() => {
        const stop = Date.now() + 100;
        while (Date.now() < stop);
        if (Date.now() > until) { clearInterval(timer); await_stop(); }
      }, 1);
      function await_stop() { watchdog.stop().then(() => process.exit(7)); }
    `);
    expect({ code, signal }).toEqual({ code: 7, signal: null });
  });

  it('does not keep a process alive that has nothing more to do', async () => {
    const { code } = await run(`
      import { startWatchdog } from '${watchdog}';
      startWatchdog(60000);
      process.exitCode = 5;
    `);
    expect(code).toBe(5);
  });

  it('does nothing when it is switched off', async () => {
    const { code } = await run(`
      import { startWatchdog } from '${watchdog}';
      startWatchdog(0);
      const until = Date.now() + 300;
      while (Date.now() < until);
      process.exitCode = 6;
    `);
    expect(code).toBe(6);
  });
});
