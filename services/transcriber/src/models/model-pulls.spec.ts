import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ModelPulls, type Pull } from './model-pulls.js';

const open: ModelPulls[] = [];
afterEach(async () => {
  for (const pulls of open.splice(0)) await pulls.close();
});

function aPull() {
  const calls: string[] = [];
  let settle: { resolve(): void; reject(error: Error): void } = { resolve() {}, reject() {} };
  let tell: Parameters<Pull>[2]['onProgress'] = () => {};
  const pull: Pull = (_dir, name, { signal, onProgress }) => {
    calls.push(name);
    tell = onProgress;
    return new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  };
  const pulls = new ModelPulls({ modelsDir: '/models', logger: pino({ level: 'silent' }), pull });
  open.push(pulls);
  return {
    pulls,
    calls,
    settle: () => settle,
    tell: (step: 'downloading', fraction: number) => tell({ model: 'base', step, fraction }),
  };
}

describe('a pull of a model', () => {
  it('runs once however often it is asked for, and tells how far it is', async () => {
    const { pulls, calls, tell, settle } = aPull();
    pulls.start('base');
    pulls.start('base');
    expect(calls).toEqual(['base']);
    expect(pulls.stateOf('base')).toEqual({ state: 'running' });
    tell('downloading', 0.5);
    expect(pulls.stateOf('base')).toEqual({ state: 'running', step: 'downloading', fraction: 0.5 });
    settle().resolve();
    await vi.waitFor(() => expect(pulls.stateOf('base')).toBeUndefined(), 30_000);
  });

  it('that failed says why, and may be asked for again', async () => {
    const { pulls, calls, settle } = aPull();
    pulls.start('base');
    settle().reject(new Error('No source has it. Check the network.'));
    await vi.waitFor(
      () => expect(pulls.stateOf('base')).toEqual({ state: 'failed', message: 'No source has it. Check the network.' }),
      30_000,
    );
    pulls.start('base');
    expect(calls).toEqual(['base', 'base']);
  });

  it('of a model that the catalog does not have is refused', () => {
    expect(() => aPull().pulls.start('huge')).toThrow(expect.objectContaining({ code: 'unknown-model' }));
  });

  it('ends with the service', async () => {
    const { pulls } = aPull();
    pulls.start('base');
    await pulls.close();
    expect(pulls.stateOf('base')).toMatchObject({ state: 'failed' });
  });
});
