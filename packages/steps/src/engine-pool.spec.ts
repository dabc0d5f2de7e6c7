import type { Engine } from '@mediajob/speech';
import { describe, expect, it, vi } from 'vitest';
import { EnginePool, type EnginePoolOptions } from './engine-pool.js';

function aPool(options: Partial<EnginePoolOptions> = {}) {
  const log: string[] = [];
  let version = 1;
  const pool = new EnginePool({
    ttlMs: 1_000,
    identify: async (name) => ({ modelPath: `/models/${name}.bin`, modelBytes: 1, modelSha256: `${name}@${version}` }),
    open: async ({ name }) => {
      log.push(`open ${name}`);
      return { info: { name }, close: async () => void log.push(`close ${name}`) } as unknown as Engine;
    },
    ...options,
  });
  const update = () => {
    version += 1;
  };
  return { pool, log, update };
}

describe('the engine pool', () => {
  it('loads a model once for all who use it at the same time', async () => {
    const { pool, log } = aPool();
    const leases = await Promise.all([pool.acquire('base'), pool.acquire('base'), pool.acquire('base')]);
    expect(new Set(leases.map((it) => it.engine)).size).toBe(1);
    expect(leases[0]?.modelSha256).toBe('base@1');
    expect(log).toEqual(['open base']);
    await pool.close();
  });

  it('unloads a model that nobody has used for its time, and not before', async () => {
    vi.useFakeTimers();
    try {
      const { pool, log } = aPool();
      const [one, two] = [await pool.acquire('base'), await pool.acquire('base')];
      one.release();
      one.release();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(log).toEqual(['open base']);
      two.release();
      await vi.advanceTimersByTimeAsync(999);
      (await pool.acquire('base')).release();
      await vi.advanceTimersByTimeAsync(999);
      expect(log).toEqual(['open base']);
      await vi.advanceTimersByTimeAsync(1);
      expect(log).toEqual(['open base', 'close base']);
      expect(pool.models).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('keeps one model warm, but not against another one that needs the memory', async () => {
    vi.useFakeTimers();
    try {
      const { pool, log } = aPool({ keepWarm: 'base' });
      (await pool.acquire('base')).release();
      await vi.advanceTimersByTimeAsync(1_000_000);
      expect(log).toEqual(['open base']);
      await pool.acquire('small');
      expect(log).toEqual(['open base', 'close base', 'open small']);
    } finally {
      vi.useRealTimers();
    }
  });

  it('leaves a model alone that is in use when another one is asked for', async () => {
    const { pool, log } = aPool();
    const base = await pool.acquire('base');
    await pool.acquire('small');
    expect(log).toEqual(['open base', 'open small']);
    base.release();
    await pool.close();
    expect([...log].sort()).toEqual(['close base', 'close small', 'open base', 'open small']);
  });

  it('takes a model that was pulled again, and closes the old one when its last user has gone', async () => {
    const { pool, log, update } = aPool();
    const old = await pool.acquire('base');
    update();
    const fresh = await pool.acquire('base');
    expect(fresh.modelSha256).toBe('base@2');
    expect(log).toEqual(['open base', 'open base']);
    old.release();
    await vi.waitFor(() => expect(log).toEqual(['open base', 'open base', 'close base']), 30_000);
    expect(pool.models).toEqual(['base']);
  });

  it('tries again after a model could not be loaded', async () => {
    let tries = 0;
    const { pool } = aPool({
      open: async () => {
        if (++tries === 1) throw new Error('no memory');
        return { info: {}, close: async () => undefined } as unknown as Engine;
      },
    });
    await expect(pool.acquire('base')).rejects.toThrow('no memory');
    await pool.acquire('base');
    expect(tries).toBe(2);
  });

  it('whoever is cancelled while a model loads leaves at once; the others get it', async () => {
    let open = (_: Engine) => {};
    const { pool } = aPool({
      open: () =>
        new Promise((resolve) => {
          open = resolve;
        }),
    });
    const stop = new AbortController();
    const cancelled = pool.acquire('base', { signal: stop.signal });
    const other = pool.acquire('base');
    await vi.waitFor(() => expect(pool.models).toEqual(['base']), 30_000);
    stop.abort(new Error('cancelled'));
    await expect(cancelled).rejects.toThrow('cancelled');
    await vi.waitFor(() => {
      open({ close: async () => undefined } as unknown as Engine);
    }, 30_000);
    expect((await other).modelSha256).toBe('base@1');
  });

  it('closed, it closes every engine and takes no one any more', async () => {
    const { pool, log } = aPool();
    await pool.acquire('base');
    await pool.close();
    expect(log).toEqual(['open base', 'close base']);
    await expect(pool.acquire('base')).rejects.toThrow(/closed/);
  });

  it('an engine that cannot be closed is told of, and harms nobody', async () => {
    const onError = vi.fn();
    const { pool } = aPool({
      onError,
      open: async () => ({ close: () => Promise.reject(new Error('hangs')) }) as unknown as Engine,
    });
    await pool.acquire('base');
    await pool.close();
    expect(onError).toHaveBeenCalledWith(new Error('hangs'));
  });
});
