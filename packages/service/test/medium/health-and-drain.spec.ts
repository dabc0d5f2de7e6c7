import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '@mediajob/contract';
import { afterEach, describe, expect, it } from 'vitest';
import { type HealthCheck, volumeCheck, volumeOf } from '../../src/index.js';
import { aHeldRun, aService, cleanupRequest, endServices } from './test-service.js';

afterEach(endServices);

const check = (name: string, kind: HealthCheck['kind'], status: 'up' | 'degraded' | 'down'): HealthCheck => ({
  name,
  kind,
  check: async () => ({ status, ...(status === 'up' ? {} : { message: `${name} is ${status}` }) }),
});

describe('health', () => {
  it('is 200 and degraded when only a peer is down, and the instance is ready', async () => {
    const { fetch, service } = await aService({
      checks: [check('ffmpeg', 'own', 'up'), check('main', 'peer', 'down')],
    });
    const health = await fetch('/health');
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({
      status: 'degraded',
      service: 'converter',
      instance: service.context.instance,
      details: { main: { status: 'degraded', message: 'main is down' }, ffmpeg: { status: 'up' } },
    });
    const ready = await fetch('/health/ready');
    expect(ready.status).toBe(200);
    expect(JSON.stringify(await ready.json())).not.toContain('main is down');
  });

  it('is not ready when what its own work needs is down, but alive', async () => {
    const { fetch } = await aService({ checks: [check('ffmpeg', 'own', 'down')] });
    expect((await fetch('/health')).status).toBe(503);
    const ready = await fetch('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ status: 'error', details: { ffmpeg: { message: 'ffmpeg is down' } } });
    expect((await fetch('/health/live')).status).toBe(200);
  });

  it('stays ready when it is degraded', async () => {
    const { fetch } = await aService({ checks: [check('ffmpeg', 'own', 'degraded')] });
    const ready = await fetch('/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({ status: 'degraded' });
  });

  it('answers live while every check hangs, and never runs one for it', async () => {
    let runs = 0;
    const hanging: HealthCheck = {
      name: 'disk',
      kind: 'own',
      timeoutMs: 50,
      check: () => {
        runs++;
        return new Promise(() => {});
      },
    };
    const { fetch } = await aService({ checks: [hanging] });
    expect((await fetch('/health/live')).status).toBe(200);
    expect(runs).toBe(0);
    expect((await fetch('/health/ready')).status).toBe(503);
    expect((await fetch('/health/live')).status).toBe(200);
  });

  it('finds the volume, prepares it, and degrades below the reserve', async () => {
    const { dataDir } = await aService();
    const volume = volumeOf({ MEDIAJOB_DATA_DIR: dataDir });
    const signal = AbortSignal.timeout(5000);
    expect(await volumeCheck(volume, { reserveBytes: 1 }).check(signal)).toMatchObject({ status: 'up' });
    const low = await volumeCheck(volume, { reserveBytes: Number.MAX_SAFE_INTEGER }).check(signal);
    expect(low).toMatchObject({ status: 'degraded', message: expect.stringContaining('Free some space') });
  });

  it('is down with a sentence when another volume is mounted than before', async () => {
    const { dataDir } = await aService();
    const root = join(dataDir, 'volume');
    await mkdir(root);
    const volume = volumeOf({ MEDIAJOB_DATA_DIR: root });
    const own = volumeCheck(volume, { reserveBytes: 1 });
    const signal = AbortSignal.timeout(5000);
    await own.check(signal);
    const { rm } = await import('node:fs/promises');
    await rm(root, { recursive: true });
    await expect(own.check(signal)).rejects.toThrow(/volume/i);
    await mkdir(root);
    await chmod(root, 0o770);
    await expect(own.check(signal)).rejects.toThrow(/not a media volume/);
  });
});

describe('a service that shuts down', () => {
  it('says that it is not ready, refuses new tasks, answers what runs, then stops the run', async () => {
    const held = aHeldRun();
    let endRequest = () => {};
    const slow = new Promise<void>((resolve) => {
      endRequest = resolve;
    });
    const { service, fetch, put, url } = await aService({
      run: held.run,
      configure: (app) => {
        app.use('/slow', async (_request: unknown, response: { end(text: string): void }) => {
          await slow;
          response.end('whole answer');
        });
      },
    });
    await put('a', cleanupRequest('a'));
    await put('b', cleanupRequest('b'));
    await held.started;
    const request = fetch('/slow');
    await expect.poll(() => service.context.metrics.httpInFlight.get().then((it) => it.values[0]?.value)).toBe(1);
    const stopped = service.stop('test');
    const ready = await fetch('/health/ready');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ status: 'shutting_down' });
    expect((await fetch('/health/live')).status).toBe(200);
    const refused = await put('c', cleanupRequest('c'));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(Problem.parse(await refused.json()).code).toBe('shutting-down');
    expect(await (await fetch('/v1/tasks/b')).json()).toMatchObject({
      failure: { reason: 'Interrupted', exitCode: 143 },
    });
    expect(await (await fetch('/v1/tasks/a')).json()).toMatchObject({ state: 'running' });
    expect(held.aborted()).toBe(false);
    endRequest();
    expect(await (await request).text()).toBe('whole answer');
    await stopped;
    expect(held.aborted()).toBe(true);
    await expect(globalThis.fetch(`${url}/health/live`)).rejects.toThrow();
  });

  it('ends event streams so that their readers go elsewhere', async () => {
    const held = aHeldRun();
    const { service, fetch, put } = await aService({ run: held.run });
    await put('a', cleanupRequest());
    await held.started;
    const response = await fetch('/v1/tasks/a/events');
    const text = response.text();
    await service.stop('test');
    expect(await text).toContain('"state":"running"');
  });
});
