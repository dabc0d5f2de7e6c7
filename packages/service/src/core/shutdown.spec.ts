import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Shutdown } from './shutdown.js';

const silent = () => pino({ level: 'silent' });

describe('a shutdown', () => {
  it('takes no new work, lets requests end, stops children, flushes: in this order', async () => {
    const shutdown = new Shutdown({ graceMs: 10_000, logger: silent() });
    const order: string[] = [];
    const endRequest = shutdown.requestStarted();
    shutdown.on('flush', 'log', () => void order.push('flush'));
    shutdown.on('stop-children', 'runs', () => void order.push('stop-children'));
    shutdown.on('stop-taking', 'tasks', () => {
      order.push(`stop-taking, draining ${shutdown.draining}`);
      setTimeout(() => {
        order.push('request ends');
        endRequest();
      }, 10);
    });
    expect(shutdown.draining).toBe(false);
    await shutdown.run('test');
    expect(order).toEqual(['stop-taking, draining true', 'request ends', 'stop-children', 'flush']);
  });

  it('goes on after a hook that throws or hangs', async () => {
    const shutdown = new Shutdown({ graceMs: 50, logger: silent() });
    const order: string[] = [];
    shutdown.on('stop-taking', 'throws', () => {
      throw new Error('x');
    });
    shutdown.on('stop-children', 'hangs', () => new Promise<void>(() => {}));
    shutdown.on('flush', 'log', () => void order.push('flush'));
    shutdown.requestStarted();
    await shutdown.run('test');
    expect(order).toEqual(['flush']);
  });

  it('runs once, however often it is asked for', async () => {
    const shutdown = new Shutdown({ graceMs: 1000, logger: silent() });
    let runs = 0;
    shutdown.on('flush', 'count', () => void runs++);
    await Promise.all([shutdown.run('a'), shutdown.run('b')]);
    await shutdown.run('c');
    expect(runs).toBe(1);
  });
});
