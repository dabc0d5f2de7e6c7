import { describe, expect, it } from 'vitest';
import { ManualClock } from '../test/manual-clock.js';
import { EventBudget } from './event-budget.js';

const spend = (budget: EventBudget, uid: string, times: number) =>
  Array.from({ length: times }, () => budget.spend(uid)).filter(Boolean).length;

describe('the budget of events', () => {
  it('has 25 at once for each object, and one more every five minutes', async () => {
    const clock = new ManualClock();
    const budget = new EventBudget(clock);
    expect(spend(budget, 'a', 40)).toBe(25);
    expect(spend(budget, 'b', 40)).toBe(25);
    await clock.advance(299_999);
    expect(spend(budget, 'a', 3)).toBe(0);
    await clock.advance(1);
    expect(spend(budget, 'a', 3)).toBe(1);
    await clock.advance(100 * 300_000);
    expect(spend(budget, 'a', 40)).toBe(25);
  });

  it('remembers a few thousand objects, those that had events last', () => {
    const budget = new EventBudget(new ManualClock());
    spend(budget, 'old', 25);
    spend(budget, 'used', 25);
    for (let i = 0; i < 4094; i++) budget.spend(`other-${i}`);
    expect(budget.spend('used')).toBe(false);
    budget.spend('one more');
    expect(budget.spend('used')).toBe(false);
    expect(budget.spend('old')).toBe(true);
  });
});
