import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.js';
import { Term } from './leadership.js';

describe('a term of leadership', () => {
  it('ends at its deadline, counted from when the request was sent', async () => {
    const clock = new ManualClock();
    await clock.advance(3000);
    const term = new Term(clock, 10_000, 1000);
    await clock.advance(7999);
    expect([term.holds(), term.signal.aborted]).toEqual([true, false]);
    await clock.advance(1);
    expect(term.signal.aborted).toBe(true);
    expect(term.signal.reason).toMatchObject({ code: 'leadership-lost' });
    expect(clock.timers).toBe(0);
  });

  it('goes on when it is renewed in time', async () => {
    const clock = new ManualClock();
    const term = new Term(clock, 10_000, 0);
    await clock.advance(9000);
    term.renewed(8000);
    await clock.advance(8999);
    expect(term.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(term.signal.aborted).toBe(true);
  });

  it('does not become shorter by an older renewal', async () => {
    const clock = new ManualClock();
    const term = new Term(clock, 10_000, 0);
    term.renewed(5000);
    term.renewed(2000);
    await clock.advance(14_999);
    expect(term.holds()).toBe(true);
  });

  it('has ended for good when a renewal comes too late', async () => {
    const clock = new ManualClock();
    const term = new Term(clock, 10_000, 0);
    await clock.advance(10_000);
    term.renewed(9999);
    expect(term.holds()).toBe(false);
  });

  it('knows by the clock that it has ended, before any timer was called', () => {
    let now = 0;
    const term = new Term({ now: () => 0, monotonic: () => now, after: () => () => {} }, 10_000, 0);
    expect(term.holds()).toBe(true);
    now = 10_000;
    expect(term.holds()).toBe(false);
    expect(term.signal.aborted).toBe(true);
  });

  it('is over before it began when its request took too long', async () => {
    const clock = new ManualClock();
    await clock.advance(10_000);
    expect(new Term(clock, 10_000, 0).holds()).toBe(false);
    expect(clock.timers).toBe(0);
  });

  it('outlives a timer that fires too early', async () => {
    const clock = new ManualClock();
    const after = clock.after.bind(clock);
    let early = 3;
    clock.after = (ms, call) => after(early-- > 0 ? ms - 5 : ms, call);
    const term = new Term(clock, 10_000, 0);
    await clock.advance(9999);
    expect(term.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(term.signal.aborted).toBe(true);
  });

  it('ends once, with the first reason', () => {
    const clock = new ManualClock();
    const term = new Term(clock, 10_000, 0);
    term.end('leadership-released', 'enough');
    term.end('leadership-lost', 'late');
    expect(term.signal.reason).toMatchObject({ code: 'leadership-released', message: 'enough' });
    expect([term.holds(), clock.timers]).toEqual([false, 0]);
  });
});
