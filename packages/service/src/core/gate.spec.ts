import { describe, expect, it } from 'vitest';
import { Gate } from './gate.js';

function aHold() {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { held, release: () => release() };
}

describe('a gate', () => {
  it('lets as many through as it may, the others in their order', async () => {
    const gate = new Gate({ limit: 1, maxWaiting: 5 });
    const hold = aHold();
    const order: string[] = [];
    const all = ['a', 'b', 'c'].map((name) =>
      gate.run(async () => {
        order.push(`${name} in`);
        await hold.held;
        order.push(`${name} out`);
      }),
    );
    await Promise.resolve();
    expect(order).toEqual(['a in']);
    hold.release();
    await Promise.all(all);
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  it('asks those to come again who would wait too long', async () => {
    const gate = new Gate({ limit: 1, maxWaiting: 0 });
    const hold = aHold();
    const first = gate.run(() => hold.held);
    await expect(gate.run(async () => 1)).rejects.toMatchObject({ code: 'busy', headers: { 'retry-after': '5' } });
    hold.release();
    await first;
    expect(await gate.run(async () => 2)).toBe(2);
  });

  it('forgets who goes away while waiting', async () => {
    const gate = new Gate({ limit: 1, maxWaiting: 1 });
    const hold = aHold();
    const first = gate.run(() => hold.held);
    const gone = new AbortController();
    const second = gate.run(async () => 'never', gone.signal);
    gone.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    const third = gate.run(async () => 'third');
    hold.release();
    await first;
    expect(await third).toBe('third');
  });

  it('opens again after work that failed', async () => {
    const gate = new Gate({ limit: 1, maxWaiting: 0 });
    await expect(gate.run(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
    expect(await gate.run(async () => 1)).toBe(1);
  });
});
