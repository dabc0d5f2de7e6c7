import { describe, expect, it } from 'vitest';
import { sleep } from '../../src/environment.js';
import { atRandom, inOrder, Simulation, seeded } from './simulation.js';

function aSimulation(options: ConstructorParameters<typeof Simulation>[0] = {}) {
  const simulation = new Simulation({ choose: inOrder, ...options });
  const done: string[] = [];
  const post = (owner: string, label: string) =>
    simulation.post({ owner, label, run: () => done.push(`${owner} ${label}`) });
  return { simulation, done, post };
}

describe('a simulation', () => {
  it('does steps in the order in which they came, when that is chosen', async () => {
    const { simulation, done, post } = aSimulation();
    for (const label of ['1', '2', '3']) post('a', label);
    expect(await simulation.run()).toBe(false);
    expect(done).toEqual(['a 1', 'a 2', 'a 3']);
    expect(simulation.trace).toEqual(['0 ms a: 1', '0 ms a: 2', '0 ms a: 3']);
  });

  it('does the step that is chosen', async () => {
    const { simulation, done, post } = aSimulation({ choose: (steps) => steps.length - 1 });
    for (const label of ['1', '2', '3']) post('a', label);
    await simulation.run();
    expect(done).toEqual(['a 3', 'a 2', 'a 1']);
  });

  it('takes steps back', async () => {
    const { simulation, done, post } = aSimulation();
    post('a', '1')();
    await simulation.run();
    expect(done).toEqual([]);
  });

  it('moves its time to the next timer when there is nothing else to do', async () => {
    const { simulation, done, post } = aSimulation();
    const clock = simulation.clock('a');
    const start = simulation.now;
    clock.after(300, () => post('a', 'late'));
    clock.after(100, () => post('a', 'soon'));
    clock.after(200, () => post('a', 'never'))();
    post('a', 'now');
    await simulation.run(() => done.length === 2);
    expect(done).toEqual(['a now', 'a soon']);
    expect(simulation.now - start).toBe(100);
    await simulation.run();
    expect([done.at(-1), simulation.now - start, simulation.pending]).toEqual(['a late', 300, 0]);
  });

  it('lets promises go on between steps', async () => {
    const { simulation, done } = aSimulation();
    const clock = simulation.clock('a');
    const work = async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 1000);
        done.push(`${clock.monotonic()}`);
      }
    };
    const working = work();
    await simulation.run();
    await working;
    expect(done).toEqual(['1001000', '1002000', '1003000']);
  });

  it('gives each process a clock that may be wrong, and too fast', async () => {
    const { simulation } = aSimulation();
    const clock = simulation.clock('a', { offsetMs: -5000, rate: 2 });
    const start = simulation.now;
    const before = clock.monotonic();
    let after = 0;
    clock.after(1000, () => {
      after = clock.monotonic();
    });
    expect(clock.now()).toBe(start - 5000);
    await simulation.run();
    expect(simulation.now - start).toBe(500);
    expect(after - before).toBe(1000);
    expect(clock.now()).toBe(start - 5000 + 1000);
  });

  it('does nothing in a process that is paused, until it goes on', async () => {
    const { simulation, done, post } = aSimulation();
    simulation.clock('a').after(100, () => done.push('timer of a'));
    post('a', '1');
    simulation.pause('a');
    post('b', '2');
    simulation.at(simulation.now + 500, 'world', 'resume', () => simulation.resume('a'));
    await simulation.run(() => simulation.pending === 2);
    expect(done).toEqual(['b 2']);
    await simulation.run();
    expect(done).toEqual(['b 2', 'a 1', 'timer of a']);
  });

  it('does nothing more in a process that is killed', async () => {
    const { simulation, done, post } = aSimulation();
    post('a', '1');
    simulation.clock('a').after(100, () => done.push('timer'));
    simulation.kill('a');
    post('a', '2');
    simulation.clock('a').after(100, () => done.push('timer'));
    post('b', '3');
    await simulation.run();
    expect(done).toEqual(['b 3']);
  });

  it('runs for a while', async () => {
    const { simulation, done } = aSimulation();
    const clock = simulation.clock('a');
    const tick = () => {
      done.push('tick');
      clock.after(100, tick);
    };
    clock.after(100, tick);
    await simulation.runFor(1050);
    expect(done).toHaveLength(10);
    expect(simulation.pending).toBe(1);
  });

  it('says when it does not come to an end', async () => {
    const { simulation } = aSimulation();
    const clock = simulation.clock('a');
    const tick = () => void clock.after(1, tick);
    tick();
    await expect(simulation.run(undefined, 50)).rejects.toThrow('still going on after 50 steps');
  });

  it('is the same with the same seed, and another one with another', async () => {
    const runWith = async (seed: number) => {
      const simulation = new Simulation({ seed });
      for (const owner of ['a', 'b', 'c']) {
        const clock = simulation.clock(owner);
        const step = (n: number) => {
          if (n === 0) return;
          simulation.post({ owner, label: `step ${n}`, run: () => step(n - 1) });
          clock.after(n * 10, () => {});
        };
        step(8);
      }
      await simulation.run();
      return simulation.trace;
    };
    expect(await runWith(5)).toEqual(await runWith(5));
    expect(await runWith(5)).not.toEqual(await runWith(6));
  });
});

describe('a choice at random', () => {
  const step = (label: string) => ({ owner: 'a', label, run: () => {} });

  it('takes any step, and moves time on rarely', () => {
    const choose = atRandom(seeded(1), 10);
    const counts = [0, 0, 0];
    for (let i = 0; i < 3000; i++) {
      const chosen = choose([step('1'), step('2'), step('advance')]);
      counts[chosen] = (counts[chosen] ?? 0) + 1;
    }
    expect(counts[2]).toBeGreaterThan(200);
    expect(counts[2]).toBeLessThan(400);
    expect(Math.min(counts[0] as number, counts[1] as number)).toBeGreaterThan(1100);
  });

  it('moves time on when there is nothing else', () => {
    expect(atRandom(seeded(1), 0)([step('advance')])).toBe(0);
    expect(atRandom(seeded(1), 100)([step('1')])).toBe(0);
  });
});
