import { describe, expect, it } from 'vitest';
import { settled } from '../test/manual-clock.js';
import { Gate } from './gate.js';

describe('a gate', () => {
  it('lets so many in, and the others one by one in order as they leave', async () => {
    const gate = new Gate(2);
    const inside: number[] = [];
    const leaves: (() => void)[] = [];
    for (let i = 0; i < 4; i++) {
      void gate.enter().then((leave) => {
        inside.push(i);
        if (leave !== undefined) leaves.push(leave);
      });
    }
    await settled();
    expect(inside).toEqual([0, 1]);
    leaves[1]?.();
    await settled();
    expect(inside).toEqual([0, 1, 2]);
    leaves[0]?.();
    await settled();
    expect(inside).toEqual([0, 1, 2, 3]);
  });

  it('keeps the place of who waits from who comes just then', async () => {
    const gate = new Gate(1);
    const leave = await gate.enter();
    const order: string[] = [];
    void gate.enter().then(() => order.push('waited'));
    leave?.();
    void gate.enter().then(() => order.push('came'));
    await settled();
    expect(order).toEqual(['waited']);
  });

  it('lets nobody in who gave up, and goes on with the next', async () => {
    const gate = new Gate(1);
    const leave = await gate.enter();
    const stop = new AbortController();
    const gaveUp = gate.enter(stop.signal);
    const next = gate.enter();
    stop.abort();
    expect(await gaveUp).toBeUndefined();
    expect(await gate.enter(AbortSignal.abort())).toBeUndefined();
    leave?.();
    expect(await next).toBeTypeOf('function');
  });

  it('is free again when all have left', async () => {
    const gate = new Gate(1);
    for (let i = 0; i < 3; i++) (await gate.enter())?.();
    expect(await gate.enter()).toBeTypeOf('function');
  });
});
