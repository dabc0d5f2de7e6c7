import { describe, expect, it } from 'vitest';
import { matchesNone, matchesStrongly, rangeStillHolds } from './conditional.js';

describe('conditional requests', () => {
  it.each([
    [undefined, false],
    ['"a"', true],
    ['W/"a"', true],
    ['"b", "a"', true],
    ['*', true],
    ['"b"', false],
    ['a', false],
  ])('If-None-Match %s names the entity "a": %s', (header, expected) => {
    expect(matchesNone(header, 'a')).toBe(expected);
  });

  it.each([
    ['"a"', true],
    ['"b", "a"', true],
    ['*', true],
    ['W/"a"', false],
    ['"b"', false],
  ])('If-Match %s holds for "a": %s', (header, expected) => {
    expect(matchesStrongly(header, 'a')).toBe(expected);
  });

  it.each([
    [undefined, true],
    ['"a"', true],
    ['W/"a"', false],
    ['"b"', false],
    ['Wed, 21 Oct 2026 07:28:00 GMT', false],
  ])('If-Range %s allows a part of "a": %s', (header, expected) => {
    expect(rangeStillHolds(header, 'a')).toBe(expected);
  });
});
