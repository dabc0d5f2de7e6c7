import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAll } from './decode-windows.js';

class Crash extends Error {}
const mayRetry = (error: unknown) => error instanceof Crash;
const never = new AbortController().signal;
const later = () => new Promise((resolve) => setImmediate(resolve));

describe('decoding windows', () => {
  it('keeps as many under way as the engine takes, in order, whatever chunk they are of', async () => {
    let underWay = 0;
    const loads: number[] = [];
    const begun: number[] = [];
    await decodeAll(
      Array.from({ length: 20 }, (_, n) => n),
      {
        atOnce: 3,
        signal: never,
        mayRetry,
        async decode(task) {
          begun.push(task);
          loads.push(++underWay);
          await later();
          underWay -= 1;
        },
      },
    );
    expect(begun).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(Math.max(...loads)).toBe(3);
    expect(loads.slice(2).every((load) => load === 3)).toBe(true);
  });

  it('tries what was under way in a crash once more, each alone, and then goes on with all', async () => {
    const calls = new Map<number, number>();
    let underWay = 0;
    let alone = 0;
    await decodeAll([0, 1, 2, 3, 4, 5], {
      atOnce: 3,
      signal: never,
      mayRetry,
      async decode(task) {
        const call = (calls.get(task) ?? 0) + 1;
        calls.set(task, call);
        underWay += 1;
        await later();
        if (call === 2 && underWay === 1) alone += 1;
        underWay -= 1;
        // The engine died: all three are lost.
        if (task < 3 && call === 1) throw new Crash();
      },
    });
    expect([...calls]).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
      [3, 1],
      [4, 1],
      [5, 1],
    ]);
    expect(alone).toBe(3);
  });

  it('a window that crashes the engine alone, too, ends the run with its own error, and begins nothing more', async () => {
    const begun: number[] = [];
    const running = decodeAll([0, 1, 2, 3], {
      atOnce: 2,
      signal: never,
      mayRetry,
      async decode(task) {
        begun.push(task);
        await later();
        if (task <= 1 && begun.filter((it) => it === task).length === 1) throw new Crash('both');
        if (task === 1) throw new Crash('window 1');
      },
    });
    await expect(running).rejects.toThrow('window 1');
    expect(begun).toEqual([0, 1, 0, 1]);
  });

  it('any other failure stops the rest and is not tried again', async () => {
    const stopped: number[] = [];
    const begun: number[] = [];
    const running = decodeAll([0, 1, 2, 3], {
      atOnce: 2,
      signal: never,
      mayRetry,
      async decode(task, signal) {
        begun.push(task);
        if (task === 0) throw new Error('the disk is full');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        stopped.push(task);
        throw signal.reason;
      },
    });
    await expect(running).rejects.toThrow('the disk is full');
    expect({ begun, stopped }).toEqual({ begun: [0, 1], stopped: [1] });
  });

  it('asked to stop, it begins nothing more and throws the reason', async () => {
    const stop = new AbortController();
    const reason = new Error('cancelled');
    const begun: number[] = [];
    const running = decodeAll([0, 1, 2, 3], {
      atOnce: 1,
      signal: stop.signal,
      mayRetry,
      async decode(task) {
        begun.push(task);
        await later();
        stop.abort(reason);
      },
    });
    await expect(running).rejects.toBe(reason);
    expect(begun).toEqual([0]);
  });

  it('nothing to do is done at once', async () => {
    await decodeAll([], { atOnce: 4, signal: never, mayRetry, decode: () => Promise.reject(new Error('asked')) });
  });

  it('with crashes anywhere, every window is done exactly once or the run fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 25 }),
        fc.integer({ min: 1, max: 5 }),
        async (crashes, atOnce) => {
          const left = [...crashes];
          const done: number[] = [];
          const running = decodeAll(crashes.keys(), {
            atOnce,
            signal: never,
            mayRetry,
            async decode(task) {
              await later();
              if ((left[task] ?? 0) > 0) {
                left[task] = (left[task] ?? 0) - 1;
                throw new Crash();
              }
              done.push(task);
            },
          });
          if (crashes.includes(2)) await expect(running).rejects.toThrow(Crash);
          else {
            await running;
            expect(done.sort((a, b) => a - b)).toEqual([...crashes.keys()]);
          }
          expect(new Set(done).size).toBe(done.length);
        },
      ),
      { numRuns: 100 },
    );
  });
});
