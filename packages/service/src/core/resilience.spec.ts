import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.js';
import { createDependency, type DependencyOptions, DependencyUnavailableError } from './resilience.js';

const networkError = () => Object.assign(new TypeError('fetch failed'), { cause: new Error('ECONNREFUSED') });

function aDependency(options: Partial<DependencyOptions> = {}) {
  const metrics = createMetrics({ service: 'main', version: '0', processMetrics: false });
  const dependency = createDependency({
    name: 'converter',
    timeoutMs: 1000,
    retries: 2,
    backoffMs: 1,
    metrics,
    ...options,
  });
  const gauge = async (name: 'dependency_up' | 'breaker_state') =>
    (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value;
  return { dependency, gauge };
}

describe('a call to another service', () => {
  it('is tried again after a network error', async () => {
    const { dependency, gauge } = aDependency();
    let tries = 0;
    const value = await dependency.call(async () => {
      if (++tries < 3) throw networkError();
      return 'answer';
    });
    expect({ value, tries, up: await gauge('dependency_up') }).toEqual({ value: 'answer', tries: 3, up: 1 });
  });

  it('is not tried again after an answer that will stay the same', async () => {
    const { dependency } = aDependency();
    let tries = 0;
    const refused = new Error('409');
    await expect(
      dependency.call(async () => {
        tries++;
        throw refused;
      }),
    ).rejects.toBe(refused);
    expect(tries).toBe(1);
  });

  it('that never ends is aborted, and says so', async () => {
    const { dependency, gauge } = aDependency({ timeoutMs: 20, retries: 0 });
    let aborted = false;
    const call = dependency.call(
      (signal) =>
        new Promise(() => {
          signal.addEventListener('abort', () => {
            aborted = true;
          });
        }),
    );
    await expect(call).rejects.toThrow('converter did not answer within 20 ms');
    expect(aborted).toBe(true);
    expect(await gauge('dependency_up')).toBe(0);
  });

  it('fails at once while the other side is down, and works again by itself', async () => {
    const { dependency, gauge } = aDependency({ retries: 0, breakAfter: 2, halfOpenAfterMs: 1000 });
    let tries = 0;
    const failing = () =>
      dependency.call(async () => {
        tries++;
        throw networkError();
      });
    for (let i = 0; i < 5; i++) await expect(failing()).rejects.toBeInstanceOf(DependencyUnavailableError);
    expect({ tries, state: dependency.state, metric: await gauge('breaker_state') }).toEqual({
      tries: 2,
      state: 'open',
      metric: 2,
    });
    await expect.poll(() => dependency.call(async () => 'back').catch(() => 'still down')).toBe('back');
    expect({ state: dependency.state, metric: await gauge('breaker_state') }).toEqual({ state: 'closed', metric: 0 });
  });

  it('is refused when too many wait', async () => {
    const { dependency } = aDependency({ concurrency: 1, retries: 0 });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = dependency.call(() => held);
    const second = dependency.call(async () => 'second');
    await expect(dependency.call(async () => 'third')).rejects.toThrow('too many calls');
    release();
    await first;
    expect(await second).toBe('second');
  });

  it('ends when its caller does not want it any more', async () => {
    const { dependency } = aDependency({ retries: 5, backoffMs: 50 });
    const caller = new AbortController();
    const call = dependency.call(async () => {
      caller.abort(new Error('gone'));
      throw networkError();
    }, caller.signal);
    await expect(call).rejects.not.toBeInstanceOf(DependencyUnavailableError);
  });
});
