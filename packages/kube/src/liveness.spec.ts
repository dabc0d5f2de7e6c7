import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.js';
import { EventLoopProbe } from './liveness.js';

describe('the probe of the event loop', () => {
  it('finds that it moves, as long as its timers are called', async () => {
    const clock = new ManualClock();
    const probe = new EventLoopProbe({ clock });
    probe.start();
    await clock.advance(60_500);
    expect([probe.moves, probe.lagMs]).toEqual([true, 0]);
    probe.stop();
    expect(clock.timers).toBe(0);
  });

  it('finds that it stands still when they are not', async () => {
    let now = 0;
    const probe = new EventLoopProbe({ clock: { now: () => 0, monotonic: () => now, after: () => () => {} } });
    probe.start();
    now = 8500;
    expect([probe.moves, probe.lagMs]).toEqual([true, 7500]);
    now = 8501;
    expect(probe.moves).toBe(false);
    probe.start();
    expect(probe.moves).toBe(true);
  });

  it('has the limits that it is given', () => {
    let now = 0;
    const clock = { now: () => 0, monotonic: () => now, after: () => () => {} };
    const probe = new EventLoopProbe({ clock, everyMs: 100, limitMs: 50 });
    probe.start();
    now = 151;
    expect([probe.moves, probe.lagMs]).toEqual([false, 51]);
  });
});
