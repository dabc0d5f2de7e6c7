import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

describe('the backoff', () => {
  it('doubles from 0.8 s to 30 s and stays there', () => {
    const backoff = new Backoff(() => 0);
    expect(Array.from({ length: 9 }, () => backoff.next())).toEqual([
      800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000,
    ]);
  });

  it('adds up to as much again by chance, within 30 s', () => {
    const backoff = new Backoff(() => 0.5);
    expect(Array.from({ length: 7 }, () => backoff.next())).toEqual([1200, 2400, 4800, 9600, 19_200, 30_000, 30_000]);
  });

  it('begins again after a success', () => {
    const backoff = new Backoff(() => 0);
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBe(800);
  });
});
