import { describe, expect, it } from 'vitest';
import { byteRangeOf } from './byte-range.js';

describe('byteRangeOf', () => {
  it.each([
    [undefined, undefined],
    ['bytes=0-', { start: 0, end: 999 }],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=100-199', { start: 100, end: 199 }],
    ['bytes=999-', { start: 999, end: 999 }],
    ['bytes=990-2000', { start: 990, end: 999 }],
    ['bytes=-1', { start: 999, end: 999 }],
    ['bytes=-5000', { start: 0, end: 999 }],
    ['BYTES=5-6', { start: 5, end: 6 }],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=1000-', 'unsatisfiable'],
    ['bytes=99999999999999999999-', 'unsatisfiable'],
    ['bytes=-', undefined],
    ['bytes=5-2', undefined],
    ['bytes=0-1,5-6', undefined],
    ['bytes=a-b', undefined],
    ['items=0-5', undefined],
    ['bytes 0-5', undefined],
  ])('%s of 1000 bytes is %j', (header, expected) => {
    expect(byteRangeOf(header, 1000)).toEqual(expected);
  });

  it('has no satisfiable range in an empty file', () => {
    expect(byteRangeOf('bytes=0-', 0)).toBe('unsatisfiable');
    expect(byteRangeOf('bytes=-5', 0)).toBe('unsatisfiable');
  });
});
