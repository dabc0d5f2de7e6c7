import { describe, expect, it } from 'vitest';
import { CachedCheck, type HealthFinding } from './health.js';

const up: HealthFinding = { status: 'up' };

describe('a health check', () => {
  it('is not run again while its finding is fresh', async () => {
    let runs = 0;
    const check = new CachedCheck({
      name: 'x',
      kind: 'own',
      ttlMs: 60_000,
      check: async () => {
        runs++;
        return up;
      },
    });
    await check.find();
    await check.find();
    expect(runs).toBe(1);
  });

  it('is run once for many who ask at the same time', async () => {
    let runs = 0;
    const check = new CachedCheck({
      name: 'x',
      kind: 'own',
      ttlMs: 0,
      check: async () => {
        runs++;
        await new Promise((resolve) => setTimeout(resolve, 5));
        return up;
      },
    });
    await Promise.all(Array.from({ length: 20 }, () => check.find()));
    expect(runs).toBe(1);
  });

  it('that hangs counts as down, and is not started a second time', async () => {
    let runs = 0;
    const check = new CachedCheck({
      name: 'disk',
      kind: 'own',
      timeoutMs: 10,
      ttlMs: 0,
      check: () => {
        runs++;
        return new Promise(() => {});
      },
    });
    expect(await check.find()).toEqual({ status: 'down', message: 'did not answer within 10 ms' });
    expect(await check.find()).toEqual({ status: 'down', message: 'did not answer within 10 ms, again' });
    expect(runs).toBe(1);
  });

  it('that throws is down, with the error’s sentence', async () => {
    const check = new CachedCheck({
      name: 'x',
      kind: 'own',
      check: async () => {
        throw new Error('Mount the volume.');
      },
    });
    expect(await check.find()).toEqual({ status: 'down', message: 'Mount the volume.' });
  });

  it('of a peer that is down only degrades, also from the cache', async () => {
    const check = new CachedCheck({ name: 'x', kind: 'peer', check: async () => ({ status: 'down', message: 'm' }) });
    expect(await check.find()).toEqual({ status: 'degraded', message: 'm' });
    expect(await check.find()).toEqual({ status: 'degraded', message: 'm' });
  });
});
